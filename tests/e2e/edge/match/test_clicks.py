"""Clicks that an app shows: each is for one install, and who can't forge one."""

from pathlib import Path
from uuid import uuid4

import msgspec
from support.edge import RunningEdge, running_edge
from support.match_requests import ANDROID, IPHONE, LAPTOP, PROXIES, answer, ask, events_of, follow

from reftrail.collector.signed_clicks import VALID_FOR, ClickSigner, SignedClick
from reftrail.contracts.times import now


def test_the_install_referrer_of_the_store_is_the_click(edge: RunningEdge, ip: str) -> None:
    referrer = follow(edge, "AMY", ip)["referrer"]
    clicked = edge.written.events()[-1]
    found = answer(edge, "198.51.100.1", "app-1", referrer=referrer)
    assert (found["match"], found["by"], found["code"]) == ("exact", "click", "AMY")
    (event,) = events_of(edge, "app-1")
    assert (event.code, event.key_kind, event.is_bot) == ("AMY", "publishable", False)
    assert event.event_time == clicked.event_time // 1000 * 1000, "when the link was clicked"
    assert msgspec.json.decode(event.properties) == {"reftrail_match": found}


def test_a_web_page_hands_the_signed_click_on(edge: RunningEdge, ip: str) -> None:
    """On iOS there is no referrer; the page may put it into a link that the app opens."""
    signed = follow(edge, "AMY", ip, IPHONE)["ref_signed"]
    assert answer(edge, ip, signed_click=signed)["match"] == "exact"
    assert "ref_signed" not in follow(edge, "AMY", ip, LAPTOP)


def test_an_app_that_asks_again_gets_the_same_and_counts_once(edge: RunningEdge, ip: str) -> None:
    for asked in (follow(edge, "AMY", ip), {"referrer": "ref=BEN&utm_source=flyer"}):
        visitor = str(uuid4())
        answers = [answer(edge, ip, visitor, **asked) for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        assert len({event.event_id for event in events_of(edge, visitor)}) == 1


def test_a_click_is_for_one_install(edge: RunningEdge, ip: str) -> None:
    asked = follow(edge, "AMY", ip)
    assert answer(edge, ip, "first", **asked)["match"] == "exact"
    before = len(edge.written.messages)
    for nth in range(5):
        assert answer(edge, ip, f"replay-{nth}", **asked) == {"match": "none"}
        assert answer(edge, ip, f"guess-{nth}", **ANDROID) == {"match": "none"}
    assert len(edge.written.messages) == before


def test_a_click_that_is_too_old_counts_no_more(edge: RunningEdge, ip: str) -> None:
    signer = edge.collector.matching.signer
    old = (now() - VALID_FOR) // 1000 * 1000 - 1000
    signed = signer.sign(SignedClick("0123456789ab", old, "AMY"))
    assert answer(edge, ip, referrer=f"ref=AMY&ref_signed={signed}") == {"match": "none"}
    young = signer.sign(SignedClick("0123456789ab", old + 60_000, "AMY"))
    assert answer(edge, ip, signed_click=young)["match"] == "exact"


def test_a_forged_click_is_none_and_costs_its_sender(tmp_path: Path, ip: str) -> None:
    with running_edge(tmp_path, address_rate=0.01, **PROXIES) as own:
        own.codes.add("AMY")
        made = ClickSigner([own.collector.matching.keys[0]]).sign(
            SignedClick("0123456789ab", now() // 1000 * 1000, "AMY")
        )
        first = ask(own, ip, signed_click=made.replace("AMY", "BEN"))
        assert (first.status_code, first.json()) == (200, {"match": "none"})
        refused = ask(own, ip, signed_click=made)
        assert refused.status_code == 429
        assert "retry-after" in refused.headers
        assert ask(own, "198.51.100.7", signed_click=made).json()["match"] == "exact", "others"


def test_unknown_codes_are_answered_like_known_ones_and_cost(tmp_path: Path, ip: str) -> None:
    with running_edge(tmp_path, address_rate=0.01, **PROXIES) as own:
        own.codes.add("AMY")
        known = answer(own, "198.51.100.7", referrer="ref=AMY")
        unknown = answer(own, ip, referrer="ref=NOBODYS")
        assert {**known, "code": "x"} == {**unknown, "code": "x"}
        assert own.written.events()[-1].code_known is False
        assert ask(own, ip, referrer="ref=AMY").status_code == 429

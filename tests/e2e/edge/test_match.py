"""Deferred deep links over HTTP: which click an app was installed by, and who can't be fooled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import msgspec
import pytest
from msgspec.structs import replace
from support.edge import RunningEdge, running_edge

from reftrail.collector.matching import device_hash
from reftrail.collector.recent_clicks import MOST_CANDIDATES
from reftrail.collector.signed_clicks import VALID_FOR, ClickSigner, SignedClick
from reftrail.contracts.api_keys import ApiKeyChanged, hash_of
from reftrail.contracts.codec import decode
from reftrail.contracts.times import now
from reftrail.edge.devices import Device

PIXEL = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
ANDROID: dict[str, Any] = {"os": "android", "device": "phone"}
PHONE = Device("android", "phone")
PROXIES = {"trusted_proxies": "127.0.0.1"}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    store = "https://play.google.com/store/apps/details?id=com.shop"
    with running_edge(
        tmp_path_factory.mktemp("match"), collector_android_url=store, **PROXIES
    ) as running:
        for code in ("AMY", "BEN"):
            running.codes.add(code)
        running.codes.add("OTHER", campaign_id="winter")
        yield running


ADDRESSES = (f"203.0.113.{n}" for n in range(1, 255))


@pytest.fixture
def ip() -> str:
    """An address of its own for each test."""
    return next(ADDRESSES)


def follow(edge: RunningEdge, code: str, ip: str, user_agent: str = PIXEL) -> dict[str, str]:
    """The parameters with which a followed link leads on; of the store's page, its referrer."""
    headers = {"user-agent": user_agent, "x-forwarded-for": ip}
    location = edge.nobody.get(f"/r/{code}", headers=headers).headers["location"]
    found = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    return {"referrer": found["referrer"]} if "referrer" in found else found


def ask(
    edge: RunningEdge, ip: str, visitor: str | None = None, /, key: str = "pk", **body: Any
) -> httpx.Response:
    headers = {"x-forwarded-for": ip, "authorization": f"Bearer {key}", "user-agent": "okhttp/4.12"}
    asked = {"visitor_id": visitor or str(uuid4())} | body
    return edge.nobody.post("/v1/match", headers=headers, json=asked)


def answer(*args: Any, **body: Any) -> dict[str, Any]:
    found = ask(*args, **body)
    assert found.status_code == 200, found.text
    parsed: dict[str, Any] = found.json()
    return parsed


def events_of(edge: RunningEdge, visitor: str) -> list[Any]:
    return [event for event in edge.written.events() if event.visitor_id == visitor]


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


def test_a_guess_is_marked_and_its_event_names_no_code(edge: RunningEdge, ip: str) -> None:
    follow(edge, "AMY", ip)
    found = answer(edge, ip, "guessed", **ANDROID)
    assert (found["match"], found["by"], found["code"]) == ("guess", "address", "AMY")
    (event,) = events_of(edge, "guessed")
    assert (type(event).__name__, event.code, event.campaign_id) == ("View", None, None)
    assert msgspec.json.decode(event.properties) == {"reftrail_match": found}, "the evidence"
    assert answer(edge, ip, "guessed", **ANDROID) == found, "asked again"
    assert answer(edge, ip, "neighbour", **ANDROID) == {"match": "none"}, "the click is taken"


@pytest.mark.parametrize(
    ("body", "elsewhere"),
    [
        ({"os": "ios", "device": "phone"}, False),
        ({"os": "android", "device": "tablet"}, False),
        ({"os": "android"}, False),
        ({}, False),
        (ANDROID, True),
    ],
)
def test_another_device_or_address_is_no_guess(
    edge: RunningEdge, ip: str, body: dict[str, Any], elsewhere: bool
) -> None:
    follow(edge, "AMY", ip)
    assert answer(edge, next(ADDRESSES) if elsewhere else ip, **body) == {"match": "none"}


def test_two_codes_behind_one_address_are_no_guess(edge: RunningEdge, ip: str) -> None:
    mine = follow(edge, "AMY", ip)
    follow(edge, "BEN", ip)
    assert answer(edge, ip, **ANDROID) == {"match": "none"}
    assert answer(edge, ip, **mine)["code"] == "AMY"
    assert answer(edge, ip, **ANDROID)["code"] == "BEN", "the one that is left"


def test_a_neighbours_guess_takes_a_click_from_nobody_who_shows_it(
    edge: RunningEdge, ip: str
) -> None:
    asked = follow(edge, "AMY", ip)
    assert answer(edge, ip, "guesser", **ANDROID)["match"] == "guess"
    found = answer(edge, ip, "clicker", **asked)
    assert (found["match"], found["code"]) == ("exact", "AMY")
    assert [event.code for event in events_of(edge, "clicker")] == ["AMY"]
    assert answer(edge, ip, "clicker", **asked) == found, "asked again"
    assert answer(edge, ip, "replay", **asked) == {"match": "none"}
    assert answer(edge, ip, "guesser", **asked) == {"match": "none"}


def test_a_click_shown_after_its_own_guess_is_for_no_other_install(
    edge: RunningEdge, ip: str
) -> None:
    asked = follow(edge, "AMY", ip)
    assert answer(edge, ip, "both", **ANDROID)["match"] == "guess"
    assert answer(edge, ip, "both", **asked)["match"] == "exact"
    assert answer(edge, ip, "later", **asked) == {"match": "none"}


def test_two_spellings_of_one_code_are_a_guess(edge: RunningEdge, ip: str) -> None:
    for typed in ("AMY", "amy"):
        follow(edge, typed, ip)
    assert answer(edge, ip, **ANDROID)["match"] == "guess"


def test_more_clicks_than_are_looked_through_are_no_guess(edge: RunningEdge, ip: str) -> None:
    follow(edge, "AMY", ip)
    tables = edge.collector.matching.tables
    (click,) = tables.clicks.of([device_hash(edge.collector.matching.keys[0], ip, PHONE)])
    for nth in range(MOST_CANDIDATES):
        tables.clicks.take(replace(click, click_key=f"{nth:012x}.1"))
    assert answer(edge, ip, **ANDROID) == {"match": "none"}


def test_a_click_that_is_shown_after_a_guess_is_an_event_of_its_own(
    edge: RunningEdge, ip: str
) -> None:
    """The store's referrer may come later than the first question. What comes twice counts once."""
    asked, visitor = follow(edge, "AMY", ip), str(uuid4())
    assert answer(edge, ip, visitor, **ANDROID)["match"] == "guess"
    assert answer(edge, ip, visitor, **ANDROID, **asked)["match"] == "exact"
    view, click = events_of(edge, visitor)
    assert (view.code, click.code) == (None, "AMY")
    assert view.event_id != click.event_id


def test_bots_and_previews_leave_no_candidate(edge: RunningEdge, ip: str) -> None:
    follow(edge, "AMY", ip, "Mozilla/5.0 (Linux; Android 6.0.1) Mobile (compatible; Googlebot/2.1)")
    assert answer(edge, ip, **ANDROID) == {"match": "none"}


def test_a_secret_key_gets_no_guess_by_its_servers_address(edge: RunningEdge, ip: str) -> None:
    asked = follow(edge, "AMY", ip)
    assert answer(edge, ip, key="sk", **ANDROID) == {"match": "none"}
    assert answer(edge, ip, key="sk", **asked)["match"] == "exact"


def key_of(campaign: str, app: str) -> ApiKeyChanged:
    return ApiKeyChanged(
        event_id="e",
        event_time=1,
        received_at=1,
        name="app",
        kind="publishable",
        hash=hash_of("pk_app"),
        app_ids=[app],
        campaigns=[campaign],
        created_at=1,
        actor="a",
        revision=1,
    )


def test_a_key_of_a_campaign_pays_for_guesses_at_its_codes(tmp_path: Path, ip: str) -> None:
    """Its answer tells which codes are of the campaign."""
    with running_edge(tmp_path, address_rate=0.01, **PROXIES) as own:
        own.codes.add("AMY")
        own.collector.authorization.keys.take(key_of("summer", "com.shop"))
        headers = {"authorization": "Bearer pk_app", "x-reftrail-app": "com.shop"}
        headers["x-forwarded-for"] = ip
        codes = ("AMY", "NOBODYS", "BOBODYS")
        asked = [{"visitor_id": "v", "referrer": f"ref={code}"} for code in codes]
        found = [own.nobody.post("/v1/match", headers=headers, json=body) for body in asked]
    assert [answered.status_code for answered in found] == [200, 200, 429]
    assert [answered.json()["match"] for answered in found[:2]] == ["exact", "none"]


def test_a_key_of_an_app_and_a_campaign(edge: RunningEdge, ip: str) -> None:
    edge.collector.authorization.keys.take(key_of("winter", "com.shop"))
    for code in ("AMY", "OTHER"):
        asked = follow(edge, code, ip)
        headers = {"authorization": "Bearer pk_app", "x-forwarded-for": ip}
        body = {"visitor_id": str(uuid4())} | asked
        without = edge.nobody.post("/v1/match", headers=headers, json=body)
        assert without.status_code == 403
        headers["x-reftrail-app"] = "com.shop"
        found = edge.nobody.post("/v1/match", headers=headers, json=body)
        assert found.json()["match"] == ("exact" if code == "OTHER" else "none")
    by_code = {"visitor_id": "v", "referrer": "ref=AMY"}
    assert edge.nobody.post("/v1/match", headers=headers, json=by_code).json()["match"] == "none"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"visitor_id": ""}, "/visitor_id"),
        ({"visitor_id": None}, "/visitor_id"),
        ({"visitor_id": "v", "os": "windows"}, "/os"),
        ({"visitor_id": "v", "device": 1}, "/device"),
        ({"visitor_id": "v", "referrer": "x" * 5000}, "/referrer"),
        ({"visitor_id": "v", "signed_click": []}, "/signed_click"),
        ({"visitor_id": "v", "signedClick": "x"}, "/signedClick"),
    ],
)
def test_what_cannot_be_is_a_problem(edge: RunningEdge, body: Any, pointer: str) -> None:
    refused = edge.published.post("/v1/match", json=body)
    assert (refused.status_code, refused.json()["pointer"]) == (422, pointer)
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"), [(b"[]", 400), (b"{", 400), (b"null", 400), (b'"x"', 400), (b"", 400)]
)
def test_what_is_no_object_is_a_problem(edge: RunningEdge, body: bytes, status: int) -> None:
    assert edge.published.post("/v1/match", content=body).status_code == status
    assert edge.nobody.post("/v1/match", content=body).status_code == 401


@pytest.mark.parametrize(
    "referrer",
    ["", "&&&", "ref=", "ref=%ff", "ref=" + "x" * 100, "=&=", "ref_signed=.", "a=b&" * 900],
)
def test_any_referrer_is_answered(edge: RunningEdge, ip: str, referrer: str) -> None:
    assert answer(edge, ip, referrer=referrer) == {"match": "none"}


def test_a_page_cannot_say_what_the_collector_alone_may(edge: RunningEdge) -> None:
    forged = {
        "type": "view",
        "visitor_id": "v",
        "properties": {"reftrail_match": {"match": "exact", "code": "AMY"}},
    }
    said = edge.published.post("/v1/events", json=forged).json()
    assert (said["accepted"], said["rejected"][0]["pointer"]) == (0, "/properties")


def test_no_address_or_user_agent_leaves_the_collector(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    planted = ("198.51.100.77", "PlantedAgent")
    with running_edge(tmp_path, **PROXIES) as own:
        own.codes.add("AMY")
        headers = {"x-forwarded-for": planted[0], "authorization": "Bearer pk"}
        link = {"user-agent": PIXEL + " PlantedAgent/1", "x-forwarded-for": planted[0]}
        own.nobody.get("/r/AMY", headers=link)
        before = len(own.written.messages)
        headers["user-agent"] = "PlantedAgent/2"
        body = {"visitor_id": "v"} | ANDROID
        assert own.nobody.post("/v1/match", headers=headers, json=body).json()["match"] == "guess"
        refused = own.nobody.post("/v1/match", headers=headers, json={"os": planted[1]})
        metrics = own.nobody.get("/metrics").text
        (clicked,) = own.collector.matching.tables.clicks.of(
            each.device_hash for each in clicks_of(own)
        )
        kept = repr(clicked) + repr([decode(one.value) for one in own.written.messages[before:]])
    told = kept + refused.text + metrics + "".join(capfd.readouterr())
    assert [value for value in planted if value in told] == []


def clicks_of(edge: RunningEdge) -> list[Any]:
    tables: Any = edge.collector.matching.tables
    return list(tables.clicks._clicks.values())

"""Signed clicks, and the tables of clicks and installs."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftrail.collector.matching import device_hash
from reftrail.collector.recent_clicks import (
    GUESSED_FOR,
    MOST_CANDIDATES,
    MatchedClicks,
    RecentClicks,
)
from reftrail.collector.signed_clicks import VALID_FOR, ClickSigner, SignedClick
from reftrail.contracts.matches import InstallMatched, LinkClicked
from reftrail.contracts.record import DAY
from reftrail.edge.devices import Device, device_of
from reftrail.edge.pseudonyms import HashKey

NEW, OLD, OTHER = (HashKey(name, name.encode() * 8) for name in ("k2", "k.1", "k2"))
CLICK = SignedClick("0123456789ab", 1_767_225_600_000, "AMY-1")
NOW = 1_767_225_600_000


def test_what_a_collector_signed_another_one_reads() -> None:
    text = ClickSigner([NEW]).sign(CLICK)
    assert text.startswith("0123456789ab.6955b900.AMY-1.")
    assert ClickSigner([NEW, OLD]).read(text) == CLICK
    assert ClickSigner([OLD]).read(text) is None
    assert ClickSigner([NEW, OLD]).read(ClickSigner([OLD]).sign(CLICK)) == CLICK, "a rotation"
    assert ClickSigner([HashKey("k2", b"x" * 16)]).read(text) is None, "an id is no key"


@given(st.data())
def test_a_text_with_any_other_character_is_no_click(data: st.DataObject) -> None:
    text = ClickSigner([NEW]).sign(CLICK)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.printable).filter(lambda sign: sign != text[at]))
    assert ClickSigner([NEW]).read(text[:at] + other + text[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", ".", "....", "a" * 300, "0123456789ab.1.AMY.x.k2", "é" * 40])
def test_what_is_no_signed_click_is_none(text: str) -> None:
    assert ClickSigner([NEW]).read(text) is None


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0 Mobile Safari/537.36", "android phone"),
        ("Mozilla/5.0 (Linux; Android 13; SM-X900) Chrome/140.0 Safari/537.36", "android tablet"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile/15E148", "ios phone"),
        ("Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) Mobile/15E148", "ios tablet"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", None),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0", None),
        (None, None),
    ],
)
def test_devices(user_agent: str | None, device: str | None) -> None:
    found = device_of(user_agent)
    assert (found and f"{found.os} {found.kind}") == device


def test_a_device_hash_is_of_address_system_and_class() -> None:
    phone, tablet = Device("ios", "phone"), Device("ios", "tablet")
    hashes = {
        device_hash(NEW, "203.0.113.7", phone),
        device_hash(NEW, "203.0.113.8", phone),
        device_hash(NEW, "203.0.113.7", tablet),
        device_hash(NEW, "203.0.113.7", Device("android", "phone")),
        device_hash(OLD, "203.0.113.7", phone),
        device_hash(NEW, "2001:db8:0:1::7", phone),
    }
    assert len(hashes) == 6
    assert device_hash(NEW, "2001:db8:0:1:ffff::9", phone) in hashes, "addresses of a /64 change"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def clicked(key: str, device: str = "d", at: int = NOW, code: str = "AMY") -> LinkClicked:
    return LinkClicked(
        event_id=key,
        event_time=at,
        received_at=at,
        device_hash=device,
        hash_key_id="k",
        code=code,
        click_key=key,
    )


def test_clicks_are_forgotten_after_an_hour_and_beyond_a_number() -> None:
    clock, forgotten = Clock(), [0]

    def forget() -> None:
        forgotten[0] += 1

    clicks = RecentClicks(forget, clock, most=3)
    for nth in range(3):
        clicks.take(clicked(f"c{nth}", at=NOW + nth))
        clicks.take(clicked(f"c{nth}", at=NOW + nth))
    assert [click.click_key for click in clicks.of(["d", "e"])] == ["c2", "c1", "c0"]
    clicks.take(clicked("c3", "e", NOW + 3))
    assert (forgotten, len(clicks)) == ([1], 3)
    assert [click.click_key for click in clicks.of(["d"])] == ["c2", "c1"]
    clock.now = NOW + GUESSED_FOR + 2
    assert [click.click_key for click in clicks.of(["d", "e"])] == ["c3", "c2"]
    clock.now += GUESSED_FOR
    clicks.take(clicked("c4", at=clock.now))
    assert (forgotten, len(clicks)) == ([1], 1)


def test_no_more_clicks_of_one_device_are_looked_through_than_a_guess_may_have() -> None:
    clock = Clock()
    clicks = RecentClicks(clock=clock)
    for nth in range(MOST_CANDIDATES + 50):
        clicks.take(clicked(f"c{nth}", at=NOW + nth))
    assert len(clicks.of(["d"])) == MOST_CANDIDATES + 1
    clock.now = NOW + GUESSED_FOR + 50
    assert len(clicks.of(["d"])) == MOST_CANDIDATES
    assert len(clicks) == MOST_CANDIDATES


def matched(key: str, visitor: str, at: int = NOW, kind: str = "exact") -> InstallMatched:
    return InstallMatched(
        event_id=f"{key} {visitor}",
        event_time=at,
        received_at=at,
        click_key=key,
        visitor_id=visitor,
        kind=kind,
        code="AMY",
        clicked_at=at,
    )


def test_of_several_installs_the_first_in_the_log_has_a_click() -> None:
    clock = Clock()
    holders = MatchedClicks(clock)
    for _ in range(2):  # the log is read again after a lost connection
        for visitor in ("v1", "v2"):
            holders.take(matched("c", visitor))
    assert (holders.holder("c"), holders.holder("d"), len(holders)) == ("v1", None, 1)
    clock.now += VALID_FOR
    holders.take(matched("d", "v2", clock.now))
    assert holders.holder("c") == "v1", "a click is valid for so long"
    clock.now += 2 * GUESSED_FOR
    holders.take(matched("e", "v2", clock.now))
    assert (holders.holder("c"), holders.holder("d")) == (None, "v2")


def test_who_shows_a_click_goes_before_who_guessed_it_and_is_remembered_as_long() -> None:
    clock = Clock()
    holders = MatchedClicks(clock)
    holders.take(matched("c", "v1", kind="guess"))
    holders.take(matched("c", "v2", kind="guess"))
    assert (holders.holder("c"), holders.is_held("c", "guess")) == ("v1", True)
    assert not holders.is_held("c", "exact")
    clock.now += 6 * DAY
    holders.take(matched("d", "v9", clock.now))
    holders.take(matched("c", "v3", clock.now))
    holders.take(matched("c", "v4", clock.now))
    assert (holders.holder("c"), holders.is_held("c", "exact")) == ("v3", True)
    clock.now += VALID_FOR
    holders.take(matched("e", "v9", clock.now))
    assert (holders.holder("c"), holders.holder("d")) == ("v3", "v9")
    clock.now += 2 * GUESSED_FOR
    holders.take(matched("f", "v9", clock.now))
    assert (holders.holder("c"), holders.holder("d")) == (None, None)

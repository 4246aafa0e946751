"""Guesses by device and address: marked, never certain, and taking nothing from a shown click."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from e2e.edge.match.conftest import ADDRESSES
from msgspec.structs import replace
from support.edge import RunningEdge
from support.match_requests import ANDROID, PHONE, answer, events_of, follow

from reftrail.collector.matching import device_hash
from reftrail.collector.recent_clicks import MOST_CANDIDATES


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

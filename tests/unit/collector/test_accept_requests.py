"""Requests: keys, times, pseudonyms, ids; and whatever else comes in."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.accepting import (
    BROWSER,
    FULL,
    HASHED,
    NEEDED,
    NOW,
    PUBLISHABLE,
    SECRET,
    judged,
    refused,
    taken,
)

from reftrail.collector.accept import (
    Acceptance,
    Sender,
    codes_named,
)
from reftrail.collector.clock import LARGEST_SKEW, LATEST, ON_THE_WAY, clock_skew
from reftrail.collector.examination import EARLIEST, OLDEST_PUBLISHED
from reftrail.contracts.codec import decode, encode_datum
from reftrail.contracts.events import AnyEvent, Event, KeyKind
from reftrail.contracts.names import NAME_PATTERN
from reftrail.contracts.record import Record
from reftrail.contracts.registry import latest
from reftrail.edge.pseudonyms import HashKey, pseudonyms


def test_every_event_ends_in_one_of_the_two_in_order() -> None:
    good = {"type": "view", "visitor_id": "v"}
    early = {**good, "event_time": "1999-12-31T23:59:59Z"}
    outcome = judged(good, early, 5, {**good, "visitor_id": "w"}, {"type": "x"})
    assert [accepted.key for accepted in outcome.accepted] == ["v", "w"]
    assert [rejection.index for rejection in outcome.rejected] == [1, 2, 4]


@pytest.mark.parametrize("kind", NEEDED)
def test_a_publishable_key_makes_no_money(kind: str) -> None:
    item = {"type": kind, **NEEDED[kind]}
    if kind in ("view", "click", "form_started"):
        taken(item, PUBLISHABLE)
    else:
        pointer, reason = refused(item, PUBLISHABLE)
        assert pointer == "/type"
        assert "needs a secret key" in reason


def test_whose_address_and_user_agent_count() -> None:
    view = {"type": "view", "visitor_id": "v"}
    published = taken(view, PUBLISHABLE)
    assert published.ip_hash == HASHED.address("203.0.113.7")[0]
    assert (published.user_agent, published.user_agent_family) == (None, "Firefox")
    made_up = taken({**view, "ip": "198.51.100.1"}, PUBLISHABLE)
    assert made_up.ip_hash == published.ip_hash
    # A server's own address would be that of all its visitors.
    own = taken(view, SECRET)
    assert (own.ip_hash, own.network_hash, own.user_agent_family) == (None, None, None)
    assert not own.is_bot
    assert own.hash_key_id is None
    found = taken({**view, "ip": "203.0.113.7"}, SECRET)
    assert (found.ip_hash, found.hash_key_id) == (published.ip_hash, "k1")


def test_machines_are_marked() -> None:
    view = {"type": "view", "visitor_id": "v"}
    assert taken({**view, "user_agent": "Googlebot/2.1"}).is_bot
    assert taken(view, Sender(KeyKind.PUBLISHABLE, user_agent="curl/8.5")).is_bot
    assert taken(view, Sender(KeyKind.PUBLISHABLE, user_agent=BROWSER, prefetch=True)).is_bot
    assert not taken(view, Sender(KeyKind.PUBLISHABLE)).is_bot


def test_codes_fill_in_what_an_event_leaves_open() -> None:
    click = {"type": "click", "visitor_id": "v", "code": "AMY1"}
    filled = taken(click)
    assert (filled.campaign_id, filled.category, filled.channel) == ("summer", "retail", "mail")
    bare = taken({**click, "code": "BARE", "channel": "own"})
    assert (bare.campaign_id, bare.category, bare.channel) == ("winter", None, "own")
    unknown = taken({**click, "code": "NONE"})
    assert (unknown.code_known, unknown.campaign_id) == (False, None)
    unseen = taken(click, codes=False)
    assert (unseen.code_known, unseen.campaign_id) == (None, None)
    assert taken({"type": "click", "visitor_id": "v"}).code_known is None


def test_times_out_of_bounds() -> None:
    def at(millis: int, sender: Sender) -> Acceptance:
        instant = f"{_iso(millis)}"
        return judged({"type": "view", "visitor_id": "v", "event_time": instant}, sender=sender)

    for sender in (SECRET, PUBLISHABLE):
        assert at(NOW + LATEST, sender).accepted
        (ahead,) = at(NOW + LATEST + 1, sender).rejected
        assert ahead.pointer == "/event_time"
        assert "ahead of the collector's clock" in ahead.reason
        assert "sent_at" in ahead.reason
    assert at(EARLIEST, SECRET).accepted
    assert "from the year 2000" in at(EARLIEST - 1, SECRET).rejected[0].reason
    assert at(NOW - OLDEST_PUBLISHED, PUBLISHABLE).accepted
    (old,) = at(NOW - OLDEST_PUBLISHED - 1, PUBLISHABLE).rejected
    assert "with a secret key" in old.reason


def _dated(at: int, **circumstances: Any) -> tuple[int, int | None]:
    """The time of a click said to be at a time, and how far that was corrected."""
    click = {"type": "click", "visitor_id": "v", "event_time": _iso(at)}
    (accepted,) = judged(click, **circumstances).accepted
    return accepted.datum["event_time"], accepted.datum["clock_skew_ms"]


def test_what_is_dated_after_its_receipt_happened_at_its_receipt() -> None:
    assert _dated(NOW + 240_000) == (NOW, 240_000)
    assert _dated(NOW + LATEST) == (NOW, LATEST)
    assert _dated(NOW) == (NOW, None)
    assert _dated(NOW - 1) == (NOW - 1, None)
    click = {"type": "click", "visitor_id": "v"}
    assert judged(click).accepted[0].datum["clock_skew_ms"] is None


@pytest.mark.parametrize("skew", [360_000, -360_000, LARGEST_SKEW])
def test_times_are_corrected_by_the_sender_s_clock(skew: int) -> None:
    assert _dated(NOW - 60_000 + skew, skew=skew) == (NOW - 60_000, skew)
    # Dated a minute after it was sent: that is before its receipt neither.
    assert _dated(NOW + 60_000 + skew, skew=skew) == (NOW, skew + 60_000)
    late = {"type": "click", "visitor_id": "v", "event_time": _iso(NOW + LATEST + 1 + skew)}
    assert judged(late, skew=skew).rejected[0].pointer == "/event_time"


def test_a_clock_that_is_behind_makes_no_click_too_old() -> None:
    old = {"type": "click", "visitor_id": "v", "event_time": _iso(NOW - OLDEST_PUBLISHED - 60_000)}
    assert judged(old, sender=PUBLISHABLE).rejected
    assert judged(old, sender=PUBLISHABLE, skew=-60_000).accepted


def test_how_far_a_clock_is_off() -> None:
    assert clock_skew(None, NOW) == 0
    for on_the_way in (0, 1, ON_THE_WAY):
        assert clock_skew(NOW - on_the_way, NOW) == 0
    assert clock_skew(NOW - ON_THE_WAY - 1, NOW) == -ON_THE_WAY - 1
    assert clock_skew(NOW + 1, NOW) == 1
    for off in (LARGEST_SKEW, -LARGEST_SKEW):
        assert clock_skew(NOW + off, NOW) == off
    with pytest.raises(ValueError, match=r"86400 s ahead of the collector's clock; at most 86400"):
        clock_skew(NOW + LARGEST_SKEW + 1, NOW)
    with pytest.raises(ValueError, match=r"behind the collector's clock.*set the sender's clock"):
        clock_skew(NOW - LARGEST_SKEW - 1, NOW)


def test_the_answer_says_the_largest_correction() -> None:
    def clicks(*ahead: int | None) -> int | None:
        found = [{} if millis is None else {"event_time": _iso(NOW + millis)} for millis in ahead]
        return judged(*({"type": "click", "visitor_id": "v"} | times for times in found)).clock_skew

    assert clicks() is None
    assert clicks(None, -5) is None
    assert clicks(None, 5, 240_000, 7) == 240_000


def _iso(millis: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    return at.isoformat(timespec="milliseconds")


def test_an_idempotency_key_makes_ids_that_come_again() -> None:
    view = {"type": "view", "visitor_id": "v"}

    def ids(key: str | None) -> list[str]:
        sender = Sender(KeyKind.SECRET, idempotency_key=key)
        outcome = judged(view, view, sender=sender)
        return [accepted.datum["event_id"] for accepted in outcome.accepted]

    assert ids("a") == ids("a")
    assert len({*ids("a"), *ids("b"), *ids(None), *ids(None)}) == 8


def test_nothing_that_identifies_a_person_leaves() -> None:
    raw = ("device-1", "198.51.100.77", "198.51.100", "amy@example.com")
    outcome = judged({"type": "purchase", **FULL})
    (accepted,) = outcome.accepted
    written = encode_datum(latest("Event"), accepted.datum).lower() + accepted.key.encode()
    for value in raw:
        assert value.encode() not in written
    assert b"books" in written


def test_hashes_do_not_depend_on_the_way_of_writing() -> None:
    view = {"type": "view", "visitor_id": "v"}

    def hashes(**fields: str) -> tuple[str | None, ...]:
        event = taken({**view, **fields})
        return event.ip_hash, event.network_hash, event.email_hash, event.device_hash

    assert hashes(ip="1.2.3.4") == hashes(ip="::ffff:1.2.3.4") == hashes(ip="::ffff:102:304")
    assert hashes(ip="2001:db8::1") == hashes(ip="2001:0DB8:0:0:0:0:0:1")
    assert hashes(email="Amy@Example.com ") == hashes(email="amy@example.com")
    assert hashes(ip="1.2.3.4")[1] == hashes(ip="1.2.3.200")[1] != hashes(ip="1.2.4.4")[1]
    assert hashes(ip="2001:db8:1:a::1")[1] == hashes(ip="2001:db8:1:b::1")[1]
    assert hashes(ip="2001:db8:1::1")[1] != hashes(ip="2001:db8:2::1")[1]
    # An address is no e-mail and no device, even if it is written like one.
    assert hashes(email="a@b")[2] != hashes(device_id="a@b")[3]
    other = pseudonyms(HashKey("k2", b"fedcba9876543210"))
    assert other.address("1.2.3.4") != HASHED.address("1.2.3.4")


def test_codes_named() -> None:
    assert codes_named([{"code": "A"}, {"code": 1}, {}, 5, {"code": "A"}, {"code": None}]) == {"A"}


names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128).filter(
    re.compile(NAME_PATTERN).fullmatch
)


words = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


valid_fields = {
    "event_id": st.uuids().filter(lambda uuid: uuid.int not in (0, 2**128 - 1)).map(str),
    "event_time": st.integers(EARLIEST, NOW + LATEST).map(_iso),
    "visitor_id": names,
    "user_id": names,
    "code": words,
    "campaign_id": names,
    "category": names,
    "channel": names,
    "source": st.sampled_from(["electronic", "portal", "direct"]),
    "device_id": names,
    "ip": st.ip_addresses().map(str),
    "user_agent": st.text(st.characters(exclude_categories=["Cs"]), max_size=1024),
    "country": st.from_regex("[A-Z]{2}", fullmatch=True),
    "email": st.emails(),
    "order_id": names,
    "amount": st.decimals("0.01", "9223372036854.77", places=2).map("{:f}".format),
    "currency": st.sampled_from(["EUR", "USD", "KWD", "CLF", "XXX"]),
    "properties": st.dictionaries(
        names,
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | names,
        max_size=5,
    ),
}


@st.composite
def valid_items(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(NEEDED)))
    fields = sorted({*draw(st.sets(st.sampled_from(sorted(valid_fields)))), *NEEDED[kind]})
    return {"type": kind} | {field: draw(valid_fields[field]) for field in fields}


@settings(max_examples=300)
@given(valid_items())
def test_whatever_is_valid_arrives_as_it_was_sent(item: dict[str, Any]) -> None:
    event = taken(item)
    for field in ("visitor_id", "user_id", "order_id", "currency", "country", "source"):
        trimmed = item[field].strip() if field in item else None
        assert getattr(event, field) == trimmed
    assert event.code == (item["code"].upper() if "code" in item else None)
    if "amount" in item:
        assert event.amount_micros == Decimal(item["amount"]) * 1_000_000
    assert (event.properties is None) == ("properties" not in item)
    assert isinstance(event, AnyEvent)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(
    st.lists(
        json_values
        | st.dictionaries(st.sampled_from(sorted(FULL)), json_values).flatmap(
            lambda fields: st.sampled_from([{"type": kind, **fields} for kind in NEEDED])
        )
        | valid_items(),
        max_size=8,
    ),
    st.sampled_from([SECRET, PUBLISHABLE]),
)
def test_nothing_whatever_makes_it_fail(items: list[Any], sender: Sender) -> None:
    outcome = judged(*items, sender=sender)
    assert len(outcome.accepted) + len(outcome.rejected) == len(items)
    for accepted in outcome.accepted:
        record: Record = decode(encode_datum(latest("Event"), accepted.datum))
        assert isinstance(record, Event)
    for rejection in outcome.rejected:
        assert rejection.pointer == "" or rejection.pointer.startswith("/")
        assert len(rejection.reason) < 400
        rejection.reason.encode()
        rejection.pointer.encode()

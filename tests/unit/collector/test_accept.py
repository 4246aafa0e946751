"""Which events are taken, what becomes of their fields, and why the others are not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftrail.collector.accept import (
    EARLIEST,
    OLDEST_PUBLISHED,
    Acceptance,
    Circumstances,
    CodeFacts,
    Sender,
    accept,
    codes_named,
)
from reftrail.collector.clock import LARGEST_SKEW, LATEST, ON_THE_WAY, clock_skew
from reftrail.collector.codes import KnownCodes
from reftrail.collector.keys import KeyKind
from reftrail.collector.pseudonyms import HashKey, pseudonyms
from reftrail.contracts.codec import decode, encode_datum
from reftrail.contracts.events import AnyEvent, CodeEvidence, Event, event_key
from reftrail.contracts.record import Record
from reftrail.contracts.registry import latest
from reftrail.testing import code

NOW = 1_750_000_000_000
SECRET = Sender(KeyKind.SECRET, ip="10.1.1.1", user_agent="python-httpx/0.28")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PUBLISHABLE = Sender(KeyKind.PUBLISHABLE, ip="203.0.113.7", user_agent=BROWSER)
HASHED = pseudonyms(HashKey("k1", b"0123456789abcdef"))
CODES = {
    "AMY1": CodeFacts("summer", "retail", "mail", "AMY1"),
    "BARE": CodeFacts("winter", code="BARE"),
}

NEEDED: dict[str, dict[str, Any]] = {
    "view": {"visitor_id": "v"},
    "click": {"visitor_id": "v"},
    "form_started": {"visitor_id": "v"},
    "signup": {"user_id": "u"},
    "purchase": {"user_id": "u", "order_id": "o", "amount": "19.99", "currency": "EUR"},
    "refund": {"user_id": "u", "order_id": "o"},
}
FULL: dict[str, Any] = {
    "event_id": "0190A6B0-5C4E-7D3A-9F51-0A1B2C3D4E5F",
    "event_time": "2025-06-15T12:00:00.123+02:00",
    "visitor_id": "v",
    "user_id": "u",
    "code": "AMY1",
    "campaign_id": "own",
    "category": "books",
    "channel": "phone",
    "source": "portal",
    "device_id": "device-1",
    "ip": "198.51.100.77",
    "user_agent": BROWSER,
    "country": "DE",
    "email": " Amy@Example.com ",
    "order_id": "o",
    "amount": "19.99",
    "currency": "EUR",
    "properties": {"page": "/x", "n": [1, 2.5, None]},
}


def judged(
    *items: Any, sender: Sender = SECRET, now: int = NOW, codes: bool = True, skew: int = 0
) -> Acceptance:
    lookup = CODES.get if codes else None
    return accept(items, Circumstances(sender, now, HASHED, lookup, skew))


def taken(item: Any, sender: Sender = SECRET, now: int = NOW, codes: bool = True) -> Event:
    outcome = judged(item, sender=sender, now=now, codes=codes)
    assert outcome.rejected == []
    (accepted,) = outcome.accepted
    event = decode(encode_datum(latest("Event"), accepted.datum))
    assert isinstance(event, Event)
    assert accepted.key == event_key(event)
    return event


DERIVED = CodeFacts("spring", None, "leaflet", "SPR1", evidence=CodeEvidence.DERIVED)


def found(item: dict[str, Any], facts: CodeFacts | None) -> Event:
    """What becomes of an event whose code is known to be this."""
    outcome = accept([item], Circumstances(SECRET, NOW, HASHED, lambda _: facts))
    event = decode(encode_datum(latest("Event"), outcome.accepted[0].datum))
    assert isinstance(event, Event)
    return event


def test_a_code_is_of_its_own_campaign_whatever_the_client_says() -> None:
    click = {"type": "click", "visitor_id": "v", "code": "spr-1", "campaign_id": "own"}
    event = found(click, DERIVED)
    assert (event.code, event.code_known, event.code_evidence) == ("SPR1", True, "derived")
    assert (event.campaign_id, event.category, event.channel) == ("spring", None, "leaflet")
    assert found(click | {"channel": "mail"}, DERIVED).channel == "mail"
    registered = found(click, CodeFacts("spring", code="SPR1"))
    assert (registered.code, registered.campaign_id) == ("SPR1", "spring")
    assert event.client_campaign_id == registered.client_campaign_id == "own"


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (None, ("SPR-1", False, None)),
        (CodeFacts(known=False, evidence=CodeEvidence.MISTYPED), ("SPR-1", False, "mistyped")),
        (
            CodeFacts(code="SPR1", known=False, evidence=CodeEvidence.FORGED),
            ("SPR1", False, "forged"),
        ),
        (CodeFacts(code="SPR1", known=None), ("SPR1", None, None)),
    ],
)
def test_what_is_found_out_about_a_code_is_told(
    facts: CodeFacts | None, says: tuple[str, bool | None, str | None]
) -> None:
    signup = {"type": "signup", "user_id": "u", "code": "spr-1", "campaign_id": "own"}
    event = found(signup, facts)
    assert (event.code, event.code_known, event.code_evidence) == says
    assert (event.campaign_id, event.client_campaign_id) == (None, "own")


def test_a_code_that_nobody_could_look_up_has_no_campaign_by_the_client_s_word() -> None:
    click = {"type": "click", "visitor_id": "v", "code": "AMY1", "campaign_id": "own"}
    event = taken(click, codes=False)
    assert (event.code_known, event.campaign_id, event.client_campaign_id) == (None, None, "own")


def test_without_a_code_the_client_says_which_campaign() -> None:
    event = taken({"type": "view", "visitor_id": "v", "campaign_id": "own"})
    assert (event.campaign_id, event.client_campaign_id) == ("own", "own")


@pytest.mark.parametrize("sender", [SECRET, PUBLISHABLE], ids=lambda sender: sender.kind)
def test_the_kind_of_key_is_told(sender: Sender) -> None:
    assert taken({"type": "click", "visitor_id": "v"}, sender).key_kind == sender.kind.value


@pytest.mark.parametrize("kind", ["click", "signup"])
def test_an_event_is_written_with_the_registered_spelling_of_its_code(kind: str) -> None:
    codes = KnownCodes(None)
    codes.take(code("AMY"))
    codes.take(code("Bob"))
    sent = {"type": kind, "visitor_id": "v", "user_id": "u"}
    spellings = {
        "AMY ": "AMY",
        "amy": "AMY",
        "\tAmy\n": "AMY",
        "BOB": "Bob",
        " bob": "Bob",
        "Bob": "Bob",
        " eve ": "EVE",
    }
    for typed, written in spellings.items():
        outcome = accept([sent | {"code": typed}], Circumstances(SECRET, NOW, HASHED, codes.lookup))
        assert outcome.rejected == [], typed
        assert outcome.accepted[0].datum["code"] == written
        assert outcome.accepted[0].datum["code_known"] is (written != "EVE")


def test_a_code_that_could_not_be_looked_up_is_written_as_it_was_sent() -> None:
    event = taken({"type": "click", "visitor_id": "v", "code": " Amy "}, codes=False)
    assert (event.code, event.code_known) == ("Amy", None)


def test_without_a_code_nothing_is_said_of_one() -> None:
    event = found({"type": "click", "visitor_id": "v"}, DERIVED)
    assert (event.code, event.code_known, event.code_evidence) == (None, None, None)
    assert event.campaign_id is None


def test_of_an_address_it_is_told_whether_it_lasts() -> None:
    signup = {"type": "signup", "user_id": "u"}
    assert taken(signup).email_disposable is None
    assert taken(signup | {"email": "amy@example.com"}).email_disposable is False
    assert taken(signup | {"email": " Amy@Mailinator.COM"}).email_disposable is True


def refused(item: Any, sender: Sender = SECRET) -> tuple[str, str]:
    outcome = judged(item, sender=sender)
    assert outcome.accepted == []
    (rejection,) = outcome.rejected
    assert rejection.index == 0
    return rejection.pointer, rejection.reason


@pytest.mark.parametrize("kind", NEEDED)
def test_each_type_with_what_it_needs(kind: str) -> None:
    event = taken({"type": kind, **NEEDED[kind]})
    assert event.__struct_config__.tag == kind
    assert (event.event_time, event.received_at) == (NOW, NOW)
    assert UUID(event.event_id).version == 7


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, needed in NEEDED.items() for field in needed]
)
@pytest.mark.parametrize("null", [False, True])
def test_each_type_without_what_it_needs(kind: str, field: str, null: bool) -> None:
    item = {"type": kind, **NEEDED[kind]}
    item[field] = None
    if not null:
        del item[field]
    pointer, reason = refused(item)
    assert pointer == f"/{field}"
    assert f"a {kind} needs" in reason


@pytest.mark.parametrize("kind", NEEDED)
def test_each_type_takes_every_field(kind: str) -> None:
    event = taken({"type": kind, **FULL})
    assert event.event_id == FULL["event_id"].lower()
    assert event.event_time == 1_749_981_600_123
    assert (event.visitor_id, event.user_id, event.code) == ("v", "u", "AMY1")
    assert (event.campaign_id, event.client_campaign_id) == ("summer", "own")
    assert (event.category, event.channel) == ("books", "phone")
    assert (event.source, event.country, event.code_known) == ("portal", "DE", True)
    assert (event.order_id, event.amount_micros, event.currency) == ("o", 19_990_000, "EUR")
    assert event.properties == '{"page":"/x","n":[1,2.5,null]}'
    assert (event.user_agent, event.is_bot) == (BROWSER, False)
    assert event.hash_key_id == "k1"
    hashes = {event.device_hash, event.ip_hash, event.network_hash, event.email_hash}
    assert len(hashes) == 4
    assert all(one is not None and len(one) == 32 and int(one, 16) >= 0 for one in hashes)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("type", ["buy", "", "View", 1, None, ["view"], {"a": 1}]),
        (
            "event_id",
            [
                "",
                "1",
                "0" * 8 + "-0000-0000-0000-" + "0" * 12,
                "F" * 8 + "-FFFF" * 3 + "-" + "f" * 12,
                "0190a6b05c4e7d3a9f510a1b2c3d4e5f",
                1,
            ],
        ),
        (
            "event_time",
            [
                "",
                "2025-06-15",
                "2025-06-15T12:00:00",
                "2025-06-15T12:00Z",
                "2025-13-01T00:00:00Z",
                "2025-06-15T12:00:60Z",
                "2025-06-15T12:00:00+2:00",
                NOW,
                1.5,
                True,
                "0001-01-01T00:00:00+14:00",
                "\u0662025-06-15T12:00:00Z",
            ],
        ),
        ("visitor_id", ["", "x" * 129, "a\nb", "a\x00", "a\x7f", "a\x85", 1, True, ["v"]]),
        ("user_id", ["", "x" * 129, "a\tb"]),
        ("code", ["", " ", "a:b", "a: b", "x" * 65, "é", "\u0131", "\u017f", "../x", 7]),
        ("campaign_id", ["", "x" * 129]),
        ("category", ["", 1]),
        ("channel", ["", "\x1b[31m"]),
        ("source", ["", "web", "Portal", 1]),
        ("device_id", ["", "x" * 129]),
        ("ip", ["", "1.2.3", "1.2.3.256", "example.com", "::g", 1]),
        ("user_agent", ["x" * 1025, 1]),
        ("country", ["", "de", "DEU", "D1", "ÄÖ"]),
        ("email", ["", "amy", "amy@", "@x", "a b@x", "a@b@c", "x" * 250 + "@x.de"]),
        ("order_id", ["", "x" * 129]),
        (
            "amount",
            [
                "",
                "-0",
                "-0.00",
                "-1",
                "+1",
                "1e3",
                "1.0000001",
                ".5",
                "1.",
                "1,5",
                " 1",
                "NaN",
                "Infinity",
                "9223372036854.775808",
                "99999999999999",
                "\u0665",
                5,
                5.0,
                True,
            ],
        ),
        ("currency", ["", "eur", "EU", "EURO", "E1R", "EUX", "ABC"]),
        ("properties", ["x", [1], 1, {"a": "x" * 17_000}]),
    ],
)
def test_values_that_are_not_right(field: str, values: list[Any]) -> None:
    for value in values:
        pointer, reason = refused({"type": "purchase", **FULL, field: value})
        assert pointer == f"/{field}", value
        assert reason, value


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (
            "event_id",
            ["00000000-0000-4000-8000-000000000000", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
        ),
        (
            "event_time",
            ["2025-06-15t12:00:00z", "2024-06-15 12:00:00.123456789-11:30", "2000-01-01T00:00:00Z"],
        ),
        ("visitor_id", ["x" * 128, "é 1", "日本", "a:b", "\U0001f600"]),
        ("amount", ["0", "0.00", "0.01", "1", "0019.90", "19.990000", "9223372036854.77"]),
        ("code", ["A", "a_b-C9", "x" * 64, " A", "A\n", f" {'x' * 64} "]),
        ("ip", ["::1", "::ffff:1.2.3.4", "fe80::1%eth0", " 1.2.3.4 "]),
        ("email", ["a@b", "Ä.ö+x@exämple.de"]),
        ("properties", [{}, {"a": {"b": {"c": []}}}, {"a": "\U0001f600"}, {"n": 2**64 - 1}]),
        ("user_agent", ["", "x" * 1024]),
        ("country", [None]),
        ("code", [None]),
    ],
)
def test_values_that_are_right(field: str, values: list[Any]) -> None:
    for value in values:
        taken({"type": "purchase", **FULL, field: value})


def test_of_nothing_nothing_can_be_paid_back() -> None:
    refund = {"type": "refund", "user_id": "u", "order_id": "o"}
    assert taken(refund).amount_micros is None
    assert taken({**refund, "amount": "0.01"}).amount_micros == 10_000
    for nothing in ("0", "0.00"):
        pointer, reason = refused({**refund, "amount": nothing})
        assert pointer == "/amount"
        assert "above 0" in reason
        assert "leave it out for a refund in full" in reason


def test_amounts_are_exact() -> None:
    for text, currency, micros in (
        ("0.00", "EUR", 0),
        ("0.1", "EUR", 100_000),
        ("0.000001", "XAU", 1),
        ("19.99", "EUR", 19_990_000),
        ("1.005", "KWD", 1_005_000),
        ("1.0005", "CLF", 1_000_500),
        ("100", "JPY", 100_000_000),
        ("100.00", "JPY", 100_000_000),
        ("19.99", "HRK", 19_990_000),
        ("9223372036854.775807", "XXX", 2**63 - 1),
    ):
        purchase = {"type": "purchase", **NEEDED["purchase"], "amount": text, "currency": currency}
        assert taken(purchase).amount_micros == micros


@pytest.mark.parametrize("kind", ["purchase", "refund"])
@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        (
            "19.99",
            "JPY",
            "is '19.99'; expected a whole number of minor units: JPY has no ",
        ),
        ("1.005", "EUR", "is '1.005'; expected a whole number of minor units: EUR has 2 decimal"),
        ("1.0005", "KWD", "is '1.0005'; expected a whole number of minor units: KWD has 3 decimal"),
    ],
)
def test_an_amount_has_no_more_places_than_its_currency(
    kind: str, amount: str, currency: str, reason: str
) -> None:
    item = {"type": kind, **NEEDED[kind], "currency": currency, "amount": amount}
    pointer, said = refused(item)
    assert pointer == "/amount"
    assert reason in said
    assert refused(dict(reversed(item.items())))[0] == "/amount"


def test_an_unknown_currency_is_refused_by_its_name() -> None:
    item = {"type": "purchase", **NEEDED["purchase"], "currency": "EUX"}
    assert refused(item) == (
        "/currency",
        "is 'EUX'; expected one of the codes of ISO 4217 in capital letters, such as EUR",
    )


def test_an_unknown_field_is_an_error_and_a_close_one_is_named() -> None:
    pointer, reason = refused({"type": "view", "visitor_id": "v", "campain_id": "summer"})
    assert pointer == "/campain_id"
    assert "did you mean campaign_id?" in reason
    pointer, reason = refused({"type": "view", "visitor_id": "v", "a/b~c": 1})
    assert pointer == "/a~1b~0c"
    assert "properties" in reason
    for ours in ("code_known", "is_bot", "ip_hash", "received_at"):
        assert refused({"type": "view", "visitor_id": "v", ours: None})[0] == f"/{ours}"


@pytest.mark.parametrize("item", [None, 1, "view", [], ["view"], True, 1.5])
def test_what_is_no_object(item: Any) -> None:
    pointer, reason = refused(item)
    assert pointer == ""
    assert "expected an object" in reason


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
    assert published.user_agent == BROWSER
    made_up = taken({**view, "ip": "198.51.100.1"}, PUBLISHABLE)
    assert made_up.ip_hash == published.ip_hash
    # A server's own address would be that of all its visitors.
    own = taken(view, SECRET)
    assert (own.ip_hash, own.network_hash, own.user_agent, own.is_bot) == (None, None, None, False)
    assert own.hash_key_id is None
    told = taken({**view, "ip": "203.0.113.7"}, SECRET)
    assert (told.ip_hash, told.hash_key_id) == (published.ip_hash, "k1")


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
    assert "before the year 2000" in at(EARLIEST - 1, SECRET).rejected[0].reason
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
        told = [{} if one is None else {"event_time": _iso(NOW + one)} for one in ahead]
        return judged(*({"type": "click", "visitor_id": "v"} | times for times in told)).clock_skew

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


names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128)
words = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
valid_fields = {
    "event_id": st.uuids().filter(lambda one: one.int not in (0, 2**128 - 1)).map(str),
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
        assert getattr(event, field) == item.get(field)
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

"""The fields of submitted events: needed, right and wrong values."""

from typing import Any
from uuid import UUID

import pytest
from support.accepting import FULL, NEEDED, NOW, refused, taken


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
    assert (event.user_agent_family, event.user_agent_os) == ("Firefox", "Linux")
    assert (event.user_agent, event.device_class, event.is_bot) == (None, "computer", False)
    assert event.hash_key_id == "k1"
    hashes = {event.device_hash, event.ip_hash, event.network_hash, event.email_hash}
    assert len(hashes) == 4
    assert all(
        hashed is not None and len(hashed) == 32 and int(hashed, 16) >= 0 for hashed in hashes
    )


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
        ("visitor_id", ["", "x" * 129, "a\nb", "a\x00", "a\x7f", "a\x85b", 1, True, ["v"]]),
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
        ("visitor_id", ["x" * 128, " v\n", "é 1", "日本", "a:b", "\U0001f600"]),
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

"""What is read at once is what pydantic reads."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.accepting import FULL, NEEDED

from reftrail.collector.submission import Submission, validate_all
from reftrail.collector.usual_events import UsualEvent, usual

NAMES = st.sampled_from(
    [
        *(
            "v",
            "a b",
            " v",
            "v ",
            " ",
            "",
            "~",
            "\x7f",
            "\xe9",
            "a\u200bb",
            "x" * 128,
            "x" * 129,
            "a\n",
        ),
        *("\ud800", "\u3164", "\uff56", "1", "\t", "a\x00"),
    ]
) | st.text(max_size=4)
DIGITS = st.sampled_from(
    ["0", "1", "19.99", "19.999", "0.0", "1.", ".5", "-1", "1e3", "\u0663", "", " 1"]
)
AMOUNTS = DIGITS | st.sampled_from(["9223372036854.775807", "9223372036854.775808", 5, 1.5, "100"])
TIMES = st.sampled_from(
    [
        *("2025-03-01T12:00:00.123Z", "2025-03-01T12:00:59.999Z", "2025-03-01T12:00:60.000Z"),
        *("2025-03-01T24:00:00.000Z", "2025-02-29T12:00:00.123Z", "2024-02-29T23:59:59.999Z"),
        *("1999-12-31T23:59:59.999Z", "2000-01-01T00:00:00.000Z", "2199-12-31T23:59:59.999Z"),
        *("2200-01-01T00:00:00.000Z", "2025-03-01T12:00:00Z", "2025-03-01T12:00:00.1Z"),
        *("2025-03-01t12:00:00.123z", "2025-03-01 12:00:00.123Z", "2025-03-01T12:00:00.123+02:00"),
        *(
            "2025-03-01T12:00:00+14:00",
            "2000-01-01T00:00:00+14:00",
            "2025-03-01T12:00:00.123-25:00",
        ),
        *(
            "2025-03-01T12:00:00.123456789Z",
            "2025-03-01T12:00:00.12\u0663Z",
            "2025-03-01T12:00:00.123Z\n",
        ),
        *("2025-03-01T12:00:00.123", "", "now", 1740830400, "2025-13-01T12:00:00.123Z"),
    ]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from([*NEEDED, "identified", "users_merged", "dispute_won", "x", ""]),
    "event_id": st.uuids().map(str)
    | st.uuids().map(lambda made: str(made).upper())
    | st.sampled_from(
        [
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-FFFF-ffff-ffff-ffffffffffff",
            "00000000-0000-0000-0000-000000000001",
            "0190a6b05c4e7d3a9f510a1b2c3d4e5f",
            "{0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f}",
            "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f\n",
            "\u0660190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f",
        ]
    ),
    "event_time": TIMES,
    "code": st.sampled_from(
        ["AMY", " amy", "a-b_1", "a b", "\uff21", "x" * 64, "x" * 65, "", "\xe9", "A\n"]
    ),
    "source": st.sampled_from(["electronic", "portal", "direct", "Direct", ""]),
    "ip": st.sampled_from(
        [
            *(
                "203.0.113.7",
                "203.0.113.07",
                "::1",
                "::ffff:1.2.3.4",
                " 1.2.3.4",
                "1.2.3",
                "256.1.1.1",
            ),
            *(
                "1.2.3.4\n",
                "1.2.3.4\0",
                "\u0661.2.3.4",
                "fe80::1%eth0",
                "",
                "0x7f.1.1.1",
                "1.2.3.4 x",
            ),
        ]
    ),
    "user_agent": st.sampled_from(["", "x", "x" * 1024, "x" * 1025, "\xe9", "a\n", "\ud800"]),
    "country": st.sampled_from(["DE", "de", "D", "DEU", "D\n", "\uff24\uff25"]),
    "email": st.sampled_from(
        [
            *("a@b", "a@b.de", " a@b.de ", "a@@b", "@b", "a@", "\xe4@b.de", "a@" + "b" * 252),
            *("a@" + "b" * 253, "a" * 65 + "@b", "a b@c", "a@b\n", "a\u2003@b"),
        ]
    ),
    "currency": st.sampled_from(["EUR", "JPY", "XAU", "BHD", "eur", "XXY", "", "points"]),
    "amount": AMOUNTS,
    "net_amount": AMOUNTS,
    "tax": AMOUNTS,
    "shipping": AMOUNTS,
    "amount_refunded": AMOUNTS,
    "utm_source": st.sampled_from(["news", " news ", "", " ", "a@b", "x" * 65, "\xe9", "\ud800"]),
    "properties": st.sampled_from(
        [{}, {"a": [1, None]}, {"reftrail_match": 1}, {"a": "x" * 17_000}, [], {"\ud800": 1}, "{}"]
    ),
}
ANYTHING = st.sampled_from([None, True, 0, -1, 1.5, "", "x", [], {}, ["v"], {"a": 1}])
FIELDS = tuple(Submission.model_fields)
RIGHT: dict[str, Any] = FULL | {
    "event_id": "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f",
    "email": "amy@example.com",
    "utm_source": "news",
    "net_amount": "15.00",
    "merged_into": "other",
}


def fields_of(event: object) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("type", *FIELDS)}


def is_as_pydantic_reads_it(item: Any) -> bool:
    """Whether an item is usual; then pydantic accepts it too, with these values."""
    quickly = usual(item)
    if quickly is None:
        return False
    (read,) = validate_all([item])
    assert fields_of(quickly) == fields_of(read)
    for name, value in fields_of(quickly).items():
        assert type(value) is type(getattr(read, name)), name
    return True


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Events of right fields, some of which have other values or are missing."""
    kind = draw(st.sampled_from([*NEEDED, "identified"]))
    item = RIGHT | {"type": kind}
    kept = draw(st.sets(st.sampled_from(FIELDS)))
    item = {name: item[name] for name in item if name in kept or name == "type"}
    if draw(st.booleans()):
        item |= NEEDED.get(kind, {"visitor_id": "v", "user_id": "u"})
    for name in draw(st.sets(st.sampled_from(["type", *FIELDS, "cod"]), max_size=3)):
        item[name] = draw(ANYTHING | VALUES.get(name, NAMES) | VALUES.get(name, NAMES))
    return item


@settings(max_examples=500)
@given(items())
def test_what_is_usual_is_what_pydantic_reads(item: dict[str, Any]) -> None:
    is_as_pydantic_reads_it(item)


@settings(max_examples=25)
@given(st.data())
@pytest.mark.parametrize("field", [*FIELDS, "type"])
def test_each_field_is_read_as_pydantic_reads_it(field: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([*NEEDED, "identified"]))
    item = {"type": kind, "visitor_id": "v", "user_id": "u"} | NEEDED.get(kind, {})
    is_as_pydantic_reads_it(item | {field: data.draw(VALUES.get(field, NAMES) | ANYTHING)})


@pytest.mark.parametrize("kind", ["view", "click", "form_started", "signup", "purchase"])
def test_most_events_are_usual(kind: str) -> None:
    assert is_as_pydantic_reads_it({"type": kind} | NEEDED[kind])
    assert is_as_pydantic_reads_it(RIGHT | {"type": kind} | NEEDED[kind])


@pytest.mark.parametrize("item", [None, 1, "view", [], {}, ["type"], {"type": []}, {"type": None}])
def test_what_is_no_event_is_not_usual(item: Any) -> None:
    assert not is_as_pydantic_reads_it(item)


def test_it_has_the_fields_of_a_submission() -> None:
    assert UsualEvent.__struct_fields__ == ("type", *FIELDS)
    assert set(get_args(UsualEvent.__annotations__["event_time"])) == {int, type(None)}

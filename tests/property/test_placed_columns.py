"""Columns by the places of values: the fields of the records, or nothing where one isn't ASCII."""

from random import Random

import numpy as np
import pytest

from reftrail.contracts.codec import FRAME, Undecodable, decode, encode
from reftrail.contracts.events import Click, Event, FormStarted, Purchase, View
from reftrail.engine.event_columns import event_columns
from reftrail.engine.message_columns import messages_of
from reftrail.engine.placed_columns import PlacedColumns, placed_columns
from reftrail.engine.reference import ReferenceTables

FIELDS = ("type", "event_time", "received_at", "visitor_id", "code", "code_known", "campaign_id")

LACKING: tuple[list[str], ...] = (
    [],
    ["campaign_id"],
    ["code_known", "clock_skew_ms"],
    ["code", "clock_skew_ms"],
)
"""Fields without a value: of few kinds, as messages usually are."""


def event(draw: Random, number: int, campaigns: int) -> Event:
    """An event with values in some of its fields."""
    fields: dict[str, object] = {
        "event_id": f"e{number}",
        "event_time": draw.choice([0, 1, 63, 64, 1_790_000_000_000, 2**50]),
        "received_at": 1_790_000_000_000 + number,
    }
    rare = {
        "code": draw.choice(["A", "AMY", "x" * 63, "y" * 64, "z" * 300]),
        "code_known": draw.random() < 0.5,
        "campaign_id": draw.choice(["", "a" * 20, *(f"c{n}" for n in range(campaigns))]),
        "clock_skew_ms": -5,
    }
    for name in draw.choice(LACKING):
        del rare[name]
    fields |= rare
    if draw.random() < 0.1:
        paid = {"order_id": "o", "amount_micros": draw.randint(0, 2**50), "currency": "EUR"}
        return Purchase(user_id="u", **(fields | paid))  # type: ignore[arg-type]
    visitor = f"v{draw.randint(0, 10 ** draw.randint(0, 9))}"
    kind = draw.choice((View, Click, FormStarted))
    return kind(visitor_id=visitor, is_bot=draw.random() < 0.5, **fields)  # type: ignore[arg-type]


def placed(values: list[bytes]) -> PlacedColumns | None:
    messages = messages_of(values)
    assert messages is not None
    return placed_columns(messages, FIELDS)


def is_readable(value: bytes) -> bool:
    try:
        decode(value)
    except Undecodable:
        return False
    return True


@pytest.mark.parametrize("campaigns", [1, 40])
@pytest.mark.parametrize("count", [40, 700])
def test_columns_are_the_fields_of_the_records(count: int, campaigns: int) -> None:
    draw = Random(f"{count} {campaigns}")
    events = [event(draw, number, campaigns) for number in range(count)]
    columns = placed([encode(made) for made in events])
    assert columns is not None
    for name in ("event_time", "received_at"):
        assert columns.numbers(name).tolist() == [getattr(made, name) for made in events]
    known = [made.code_known is not False for made in events]
    assert columns.flags("code_known", by=True).tolist() == known
    for name in ("visitor_id", "code", "campaign_id"):
        texts, expected = columns.texts(name), [getattr(made, name) for made in events]
        assert texts.given.tolist() == [text is not None for text in expected]
        assert texts.at(np.arange(count)) == [text or "" for text in expected]
        odd = np.arange(count) % 2 == 1
        given = [text for text in expected[1::2] if text is not None]
        assert sorted(texts.different(odd)) == sorted(set(given))
        some = sorted(set(given))[::2]
        assert texts.are_among(some).tolist() == [text in some for text in expected]


@pytest.mark.parametrize("seed", range(300))
def test_a_changed_byte_is_seen_where_the_decoder_sees_it(seed: int) -> None:
    draw = Random(seed)
    values = [encode(event(draw, number, 2)) for number in range(40)]
    place = draw.randrange(len(values))
    changed = bytearray(values[place])
    type_at = FRAME.size + 1 + len(f"e{place}")  # another type is another record, maybe not whole
    at = draw.choice([at for at in range(FRAME.size, len(changed)) if at != type_at])
    changed[at] = draw.choice([0, 1, 2, 3, 4, 6, 0x7F, draw.randrange(256)])
    values[place] = bytes(changed)
    columns = placed(values)
    if columns is not None:
        assert is_readable(values[place])
        read = decode(values[place])
        found = columns.texts("visitor_id").at(np.arange(place, place + 1))
        assert found == [getattr(read, "visitor_id", None) or ""]


@pytest.mark.parametrize("text", ["ümlaut", b"\xff\xfe".decode("latin-1"), "日本"])
def test_a_text_that_is_not_ascii_is_left_to_others(text: str) -> None:
    draw = Random(text)
    values = [encode(event(draw, number, 2)) for number in range(100)]
    values[70] = encode(
        Click(event_id="e", event_time=1, received_at=1, visitor_id=text, campaign_id="c1")
    )
    assert placed(values) is None
    columns = event_columns(values)
    assert columns is not None
    assert columns.visitors(np.arange(70, 71)) == [text]
    assert columns.touches(ReferenceTables()).shape == (100,)


def test_another_frame_is_seen() -> None:
    draw = Random(1)
    values = [encode(event(draw, number, 2)) for number in range(100)]
    values[9] = values[9][:4] + b"\x01" + values[9][5:]
    assert placed(values) is None

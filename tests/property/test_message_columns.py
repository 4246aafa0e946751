"""Columns are read only of messages that the decoder reads, whatever was done to their bytes."""

from random import Random

import pytest
from support.message_columns import columns_of

from reftrail.contracts.codec import Undecodable, decode, encode
from reftrail.contracts.events import Click, Event, FormStarted, Purchase, Signup, View

KINDS = (View, Click, FormStarted)


def event(draw: Random, number: int, *, is_uniform: bool) -> Event:
    """An event; if they are to be uniform, with values in the same fields as all others."""
    fields: dict[str, object] = {
        "event_id": f"e{number}",
        "event_time": draw.choice([0, 1, 1_790_000_000_000, 2**50]),
        "received_at": 1_790_000_000_000 + number,
        "code": draw.choice(["A", "AMY", "x" * 63, "y" * 64, "z" * 300]),
        "code_known": draw.random() < 0.5,
    }
    visitor = f"v{draw.randint(0, 10 ** draw.randint(0, 9))}"
    if is_uniform:
        return draw.choice(KINDS)(visitor_id=visitor, **fields)  # type: ignore[arg-type]
    rare = {"device_hash": "d" * 64, "country": "DE", "clock_skew_ms": -5, "utm_source": "u"}
    fields |= {name: value for name, value in rare.items() if draw.random() < 0.3}
    match draw.randrange(8):
        case 0:
            return Signup(user_id="u", visitor_id=visitor, **fields)  # type: ignore[arg-type]
        case 1:
            paid = {"order_id": "o", "amount_micros": draw.randint(0, 2**60), "currency": "EUR"}
            return Purchase(user_id="u", **(fields | paid))  # type: ignore[arg-type]
        case _:
            return draw.choice(KINDS)(visitor_id=visitor, **fields)  # type: ignore[arg-type]


def is_readable(value: bytes) -> bool:
    try:
        decode(value)
    except Undecodable:
        return False
    return True


@pytest.mark.parametrize("is_uniform", [True, False], ids=["alike", "mixed"])
@pytest.mark.parametrize("count", [5, 700])
def test_columns_are_the_fields_of_the_records(count: int, is_uniform: bool) -> None:
    draw = Random(f"{count} {is_uniform}")
    events = [event(draw, number, is_uniform=is_uniform) for number in range(count)]
    values = [encode(made) for made in events]
    whole = columns_of(values)
    assert whole is not None
    names = [name for name in whole.columns if name != "type"]
    expected = [tuple(getattr(made, name, None) for name in names) for made in map(decode, values)]
    assert whole.select(names).rows() == expected
    few = columns_of(values, ["visitor_id", "type", "is_bot"], symbols_as_numbers=True)
    assert few is not None
    assert few.columns == ["type", "visitor_id", "is_bot"]
    assert few["visitor_id"].to_list() == whole["visitor_id"].to_list()


@pytest.mark.parametrize("is_uniform", [True, False], ids=["alike", "mixed"])
@pytest.mark.parametrize("seed", range(300))
def test_a_changed_byte_is_seen_where_the_decoder_sees_it(seed: int, is_uniform: bool) -> None:
    draw = Random(f"{seed} {is_uniform}")
    values = [encode(event(draw, number, is_uniform=is_uniform)) for number in range(40)]
    place = draw.randrange(len(values))
    changed = bytearray(values[place])
    at = draw.randrange(5, len(changed))
    changed[at] = draw.choice([0, 1, 2, 3, 4, 6, 0x7F, draw.randrange(128)])
    values[place] = bytes(changed)
    for columns in (None, ["event_id", "is_bot", "visitor_id"]):
        found = columns_of(values, columns)
        if not is_readable(values[place]):
            assert found is None
        elif found is not None:
            read = decode(values[place])
            assert found["visitor_id"][place] == getattr(read, "visitor_id", None)

"""Bounded sketches against plain lists."""

from random import Random
from statistics import median_high, median_low

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from reftrail.contracts.record import HOUR
from reftrail.rules.fraud.baselines import (
    HOURS_KEPT,
    LEAST_AMOUNTS,
    LEAST_HOURS,
    Amounts,
    Hours,
    in_hour,
    median,
    usual,
    with_amount,
    with_claim,
)

amounts = st.integers(1, 10**6) | st.integers(1, 10**13)


@given(st.lists(amounts, min_size=LEAST_AMOUNTS, max_size=100))
def test_the_median_is_right_to_an_eighth_and_never_too_low(paid: list[int]) -> None:
    sketch = Amounts()
    for amount in paid:
        sketch = with_amount(sketch, amount, "USD")
    found = median(sketch)
    assert found is not None
    assert found >= median_low(paid)
    assert found <= median_high(paid) * 1.125 + 1


@given(st.integers(0, 2**32))
@settings(max_examples=10)
def test_amounts_take_little_room_however_many_there_are(seed: int) -> None:
    sketch, rng = Amounts(), Random(seed)
    for _ in range(1_500):
        sketch = with_amount(sketch, int(10 ** rng.uniform(0, 13)), "USD")
    assert sum(count for _, count in sketch.counts) < 1_000
    assert len(sketch.counts) <= 44 * 8
    assert median(sketch) is not None


@given(st.lists(st.integers(0, 200), max_size=300))
def test_hours_are_counted_as_in_a_list_where_they_come_in_order(hours: list[int]) -> None:
    hours = sorted(hours)
    sketch = Hours()
    for nth, hour in enumerate(hours):
        seen = hours[:nth]
        at = hour * HOUR
        assert in_hour(sketch, at) == seen.count(hour)
        if not seen or hour - seen[0] < LEAST_HOURS:
            assert usual(sketch, at) is None
        else:
            span = min(HOURS_KEPT, hour - seen[0])
            assert usual(sketch, at) == (
                sum(hour - span <= seen_hour < hour for seen_hour in seen),
                span,
            )
        sketch = with_claim(sketch, at + nth % HOUR)
    assert len(sketch.counts) <= HOURS_KEPT + 1
    assert msgspec.convert(msgspec.to_builtins(sketch), Hours) == sketch

"""Skipped orders, against a sorted list; and how much of the state a change of them touches."""

from heapq import heappop, heappush
from math import log2
from random import Random

import pytest
from msgspec import Struct

from reftrail.rules.cells import Cells
from reftrail.rules.reward.skipped import with_skipped, without_first
from reftrail.rules.reward.state import SkippedCell

MANY = 500


def turns(order: str) -> list[int]:
    if order == "mixed":
        return Random(7).sample(range(MANY), MANY)
    return sorted(range(MANY), reverse=order == "falling")


@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
def test_the_earliest_has_its_turn_and_no_change_touches_many_cells(order: str) -> None:
    chance = Random(order)
    stored: dict[str, Struct] = {}

    def read(key: str) -> Struct:
        return stored.get(key, SkippedCell())

    first, expected, touched = "", list[tuple[int, str, str]](), [0]
    for at in turns(order):
        cells = Cells(read)
        action = f"purchase:{at}"
        first = with_skipped(cells, "AMY:u", first, action, (at // 2, f"{at}"))
        heappush(expected, (at // 2, f"{at}", action))
        assert first == expected[0][2]
        if chance.random() < 0.3:
            first = without_first(cells, "AMY:u", first)
            heappop(expected)
            assert first == (expected[0][2] if expected else "")
        touched.append(len(cells.changed))
        stored |= cells.changed
    while first:
        cells = Cells(read)
        assert first == heappop(expected)[2]
        first = without_first(cells, "AMY:u", first)
        touched.append(len(cells.changed))
        stored |= cells.changed
    assert not expected
    assert max(touched) <= 4 * log2(MANY)
    assert set(stored.values()) == {SkippedCell()}

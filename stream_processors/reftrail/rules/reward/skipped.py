"""Orders that earned nothing only because their user earned often enough, the earliest first.

They are a leftist heap over cells of their own: taking in an order and taking out the earliest one
reads and changes a number of cells that grows with the logarithm of how many there are. So many
orders can have their turns one after the other.
"""

import msgspec

from reftrail.rules.cells import Cells
from reftrail.rules.reward.state import SkippedCell

_replace = msgspec.structs.replace


def with_skipped(cells: Cells, key: str, first: str, action: str, turn: tuple[int, str]) -> str:
    """Take in an order; returns which is the earliest by then. turn is what they are ordered by."""
    cells.put(f"{key}:s:{action}", SkippedCell(*turn, rank=1))
    return _merged(cells, key, first, action)


def without_first(cells: Cells, key: str, first: str) -> str:
    """Take out the earliest order; returns the one after it, "" if there is none."""
    cell = _cell(cells, key, first)
    cells.put(f"{key}:s:{first}", SkippedCell())
    return _merged(cells, key, cell.left, cell.right)


def _merged(cells: Cells, key: str, heap: str, other: str) -> str:
    """Merge two heaps along their right sides, the shorter ones: no deeper than the logarithm."""
    if not heap or not other:
        return heap or other
    first, second = sorted((heap, other), key=lambda action: _turn(_cell(cells, key, action)))
    cell = _cell(cells, key, first)
    right = _merged(cells, key, cell.right, second)
    left = cell.left
    if _rank(cells, key, left) < _rank(cells, key, right):
        left, right = right, left
    rank = _rank(cells, key, right) + 1
    cells.put(f"{key}:s:{first}", _replace(cell, left=left, right=right, rank=rank))
    return first


def _cell(cells: Cells, key: str, action: str) -> SkippedCell:
    return cells.get(f"{key}:s:{action}", SkippedCell)


def _rank(cells: Cells, key: str, action: str) -> int:
    return _cell(cells, key, action).rank if action else 0


def _turn(cell: SkippedCell) -> tuple[int, str]:
    return cell.at, cell.event_id

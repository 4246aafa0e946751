"""Each figure of a report beside that of the period before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from reftrail.reports.filling import Row, Shape

PREVIOUS_PREFIX: Final = "previous_"
"""In front of a measure's name: its value in the period before."""
_Place: TypeAlias = tuple[tuple[Any, ...], int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Side:
    """Rows of one of the periods compared, and the names of its hours, days, weeks or months.

    is_cut: they are the first of a list, and there may be more.
    """

    rows: Sequence[Row]
    periods: Sequence[str]
    is_cut: bool = False

    def places(self, shape: Shape) -> dict[_Place, Row]:
        """The rows by what they are about, and by how far into the period they are."""
        nth = {name: number for number, name in enumerate(self.periods)}
        return {
            (
                shape.group(row),
                nth[row[shape.period]] if shape.period else 0,
                shape.key(row),
            ): row
            for row in self.rows
        }


def compared(now: Side, before: Side, shape: Shape) -> list[Row]:
    """The rows, each with the measures of the row before that is as far into its period.

    A row that only one of both has is compared with one of zeros (but for what all currencies
    share), a period that has no counterpart (the 31st of a month after one of 30 days) with null.
    """
    rows, rows_before = now.places(shape), before.places(shape)
    of_any, of_any_before = (_of_any_currency(side, shape) for side in (rows, rows_before))
    places = [*rows, *(place for place in rows_before if place not in rows)]
    found = []
    for group, nth, key in places:
        if shape.period and nth >= len(now.periods):
            continue
        place, period = (group, nth, key), now.periods[nth] if shape.period else None
        beside = (group, nth, shape.but_currency(key))
        row = rows.get(place) or shape.nothing(group, period, key, of_any.get(beside))
        then = rows_before.get(place) or shape.nothing(
            group, period, key, of_any_before.get(beside)
        )
        is_known = not shape.period or nth < len(before.periods)
        found.append(_beside(row, then if is_known else None, shape))
    return found


def _of_any_currency(rows: dict[_Place, Row], shape: Shape) -> dict[_Place, Row]:
    return {(group, nth, shape.but_currency(key)): row for (group, nth, key), row in rows.items()}


def _beside(row: Row, then: Row | None, shape: Shape) -> Row:
    found: Row = {}
    for name, value in row.items():
        found[name] = value
        if name not in shape.dimensions and name not in shape.keys:
            found[f"{PREVIOUS_PREFIX}{name}"] = then[name] if then else None
    return found

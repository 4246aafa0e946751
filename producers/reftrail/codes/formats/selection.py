"""Selection of codes by their segments, to list them or to retire them.

A retired code keeps its text, which is on paper and in links; what changes is the selections
that its format counts as retired.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from reftrail.codes.formats.patterns import Pattern, Reading
from reftrail.codes.formats.patterns.language import segment_of
from reftrail.codes.formats.patterns.segments import Number, SegmentFault, Symbols, Words

_Wanted: TypeAlias = Symbols | Number | Words


@dataclass(frozen=True, slots=True)
class Selection:
    """Codes whose segments all have the values wanted."""

    wanted: tuple[_Wanted, ...]

    @classmethod
    def of(cls, pattern: Pattern, **wanted: str) -> "Selection":
        """Values by segment: US, US|CA, or 2020-2024, as in the language of patterns.

        Raises ValueError if the pattern has no such segment or a value can't be read.
        """
        names = pattern.names
        if unknown := sorted(wanted.keys() - set(names)):
            raise ValueError(f"pattern {pattern} has {', '.join(names)}, but no {unknown[0]}")
        return cls(
            tuple(
                Words(name, (values,))
                if values.isalnum()
                else segment_of(name, values, pattern.alphabet)
                for name, values in wanted.items()
            )
        )

    def takes(self, reading: Reading) -> bool:
        """Whether a code is among them."""
        return all(_is(segment, reading.values.get(segment.name, "")) for segment in self.wanted)


def select(pattern: Pattern, codes: Iterable[str], selection: Selection) -> Iterator[Reading]:
    """The codes that are of the pattern and selected, read."""
    for code in codes:
        reading = pattern.read(code)
        if isinstance(reading, Reading) and selection.takes(reading):
            yield reading


def _is(segment: _Wanted, value: str) -> bool:
    taken = segment.read(value, 0)
    return not isinstance(taken, SegmentFault) and taken.end == len(value)

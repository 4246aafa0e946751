"""Generation of codes from a pattern and given values, by chance or by counting."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from reftrail.codes.formats.patterns import Pattern, Reading
from reftrail.codes.formats.patterns.segments import Number, Symbols
from reftrail.codes.model import ActRefused, Format, Origin, Why

SEQUENCE: Final = "sequence"
"""The segment that is counted on when it isn't given."""

pattern_of = cache(Pattern.of)
"""A pattern by its text, made once."""


class CodeGenerator:
    """Draws codes of a format. count_on takes so many numbers of a sequence and gives the first.

    Raises `ActRefused`, INVALID, if a segment has no value or one that doesn't fit.
    """

    def __init__(
        self, format_: Format, values: Mapping[str, str], count_on: Callable[[str, int], int]
    ) -> None:
        self.format = format_
        self.format_name = format_.defined.name
        self.pattern = pattern_of(format_.defined.pattern)
        self._values = dict(values)
        self._count_on = count_on
        self._counted = self._counted_segment()

    @property
    def origin(self) -> Origin:
        """Structured, if any segment but the drawn ones has a value."""
        others = len(self.pattern.names) > len(self.pattern.random_segments)
        return Origin.STRUCTURED if others else Origin.RANDOM

    @property
    def is_fixed(self) -> bool:
        """Whether there is only one code to draw, with these values."""
        return self._counted is None and not self.pattern.random_segments

    def draw(self, count: int) -> list[str]:
        """Draw codes; whether they are free, the store knows."""
        try:
            if self._counted is None:
                return [self.pattern.generate(**self._values) for _ in range(count)]
            first = self._count_on(self._sequence_name(), count)
            return [
                self.pattern.generate(**self._values, **{SEQUENCE: self._number(number)})
                for number in range(first, first + count)
            ]
        except ValueError as error:
            raise ActRefused(Why.INVALID, f"format {self.format_name}: {error}") from error

    def exhausted(self, retries: int, used: int) -> ActRefused:
        """The refusal after so many retries in vain."""
        if self._counted is not None:
            return self._out_of_numbers()
        wider = ", ".join(
            f"{{{part.name}:{part.length + 2}}} instead of {{{part.name}:{part.length}}}"
            for part in self.pattern.random_segments[:1]
        )
        return ActRefused(
            Why.EXHAUSTED,
            f"format {self.format_name} ({self.pattern}): {retries} retries in a row drew codes "
            f"that exist; {used:,} of {self.pattern.random_size:,} are issued. Define a format "
            f"with a longer body ({wider}), or with an alphabet of more symbols",
        )

    def _counted_segment(self) -> Symbols | Number | None:
        if SEQUENCE in self._values:
            return None
        drawn = self.pattern.random_segments
        found = [
            part
            for part in self.pattern.segments
            if isinstance(part, Symbols | Number) and part.name == SEQUENCE and part not in drawn
        ]
        return found[0] if found else None

    def _number(self, place: int) -> str:
        """The value of the counted segment for a place in its sequence, from 1."""
        assert self._counted is not None
        width = self._counted.lengths[0]
        first, last = 1, 10**width - 1
        if isinstance(self._counted, Number):
            first, last = int(self._counted.first), int(self._counted.last)
        if (number := first + place - 1) > last:
            raise self._out_of_numbers()
        return str(number).zfill(width)

    def _out_of_numbers(self) -> ActRefused:
        assert self._counted is not None
        width = self._counted.lengths[0]
        return ActRefused(
            Why.EXHAUSTED,
            f"format {self.format_name} ({self.pattern}) has not so many numbers left; define a "
            f"format with {{{SEQUENCE}:{'#' * (width + 1)}}}, or take other values",
        )

    def _sequence_name(self) -> str:
        """Each set of values counts for itself."""
        given = ",".join(f"{name}={value.upper()}" for name, value in sorted(self._values.items()))
        return f"{self.format_name}?{given}"


def values_to_keep(pattern: Pattern, code: str) -> dict[str, str]:
    """The values of a code that its successor has too: all but what is drawn or counted."""
    reading = pattern.read(code)
    assert isinstance(reading, Reading), f"{code} was issued under {pattern}"
    drawn = {part.name for part in pattern.random_segments}
    return {k: v for k, v in reading.values.items() if k not in drawn and k != SEQUENCE}

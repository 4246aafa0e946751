"""Pattern of codes, from which their size, drawing and reading follow."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reftrail.codes.formats.patterns.alphabet import UNAMBIGUOUS, Alphabet
from reftrail.codes.formats.patterns.check import adds_up, check_symbol
from reftrail.codes.formats.patterns.language import segments_of, written
from reftrail.codes.formats.patterns.reading import (
    Malformed,
    Mistyped,
    Reading,
    likely_slips,
    malformed,
    replacements,
    without_grouping,
)
from reftrail.codes.formats.patterns.segments import (
    AnySegment,
    Check,
    Fixed,
    Number,
    SegmentFault,
    Symbols,
    Taken,
    Words,
)
from reftrail.contracts.code_spelling import LONGEST_CODE


@dataclass(frozen=True)
class Pattern:
    """Segments in their order, over one alphabet. Make one with `Pattern.of`."""

    segments: tuple[AnySegment, ...]
    alphabet: Alphabet = UNAMBIGUOUS

    @classmethod
    def of(cls, pattern: str, alphabet: Alphabet = UNAMBIGUOUS) -> "Pattern":
        """A pattern as written in the language of `patterns.language`.

        Raises ValueError that says what is wrong with it.
        """
        return cls(segments_of(pattern, alphabet), alphabet)

    @classmethod
    def random(
        cls,
        prefix: str = "REF",
        length: int = 9,
        suffix: str = "",
        *,
        check: bool = False,
        alphabet: Alphabet = UNAMBIGUOUS,
    ) -> "Pattern":
        """Prefix, so many random symbols, a check symbol if asked for, suffix."""
        body = f"{{body:{length}}}" + "{check}" * check
        return cls.of(f"{prefix}{body}{suffix}", alphabet)

    def __post_init__(self) -> None:
        names = [
            segment.name for segment in self.segments if not isinstance(segment, Fixed | Check)
        ]
        if len(set(names)) < len(names):
            raise ValueError(f"pattern {self}: each name may stand only once")
        if not self.segments or self.lengths[1] > LONGEST_CODE:
            raise ValueError(f"pattern {self}: codes must have 1 to {LONGEST_CODE} characters")
        self._see_where_words_end()
        self._see_what_is_checked()

    def __str__(self) -> str:
        return written(self.segments)

    @property
    def lengths(self) -> tuple[int, int]:
        """The least and the greatest number of characters of a code."""
        found = [segment.lengths for segment in self.segments]
        return sum(least for least, _ in found), sum(most for _, most in found)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the segments that have values, in their order."""
        return tuple(part.name for part in self.segments if not isinstance(part, Fixed | Check))

    @cached_property
    def expression(self) -> str:
        """A regular expression that a canonical code matches as a whole.

        In the common ground of Python, RE2, Rust and JavaScript. It can't compute the check symbol.
        """
        return "".join(segment.expression for segment in self.segments)

    @property
    def prefix(self) -> str:
        """The characters with which every code begins; may be empty."""
        first = self.segments[0]
        return first.text if isinstance(first, Fixed) else ""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The beginnings of all codes: the prefix, or the first segment's words."""
        first = self.segments[0]
        return first.words if isinstance(first, Words) else (self.prefix,)

    @property
    def size(self) -> int:
        """The count of all codes."""
        return math.prod(segment.size for segment in self.segments)

    @property
    def random_size(self) -> int:
        """The count of codes that the generator draws from when all else is given."""
        return math.prod(segment.size for segment in self.random_segments)

    @cached_property
    def random_segments(self) -> tuple[Symbols, ...]:
        """The segments that the generator draws."""
        return tuple(part for part in self.segments if isinstance(part, Symbols) and part.random)

    @cached_property
    def has_check(self) -> bool:
        """Whether mistyping is noticed."""
        return any(isinstance(segment, Check) for segment in self.segments)

    def compose(self, values: Mapping[str, str]) -> str:
        """The code with these values by name; the check symbol is computed.

        Raises ValueError that names the value which is missing, unknown or doesn't fit.
        """
        remaining, pieces, drawn = dict(values), [""], ""
        for segment in self.segments:
            match segment:
                case Fixed(text):
                    pieces.append(text)
                case Check(alphabet):
                    pieces.append(check_symbol(alphabet, drawn))
                case _:
                    value = _fitting(segment, remaining.pop(segment.name, None))
                    pieces.append(value)
                    drawn += value if isinstance(segment, Symbols) and segment.random else ""
        if remaining:
            raise ValueError(f"pattern {self} has no segment {', '.join(sorted(remaining))}")
        return "".join(pieces)

    def generate(self, **given: str) -> str:
        """A code drawn from the system's CSPRNG; what isn't random must be given by name."""
        drawn = {part.name: part.alphabet.draw(part.length) for part in self.random_segments}
        return self.compose({**drawn, **given})

    def begins(self, text: str) -> bool:
        """Whether a text as typed has one of the pattern's prefixes."""
        first = self.segments[0]
        if not isinstance(first, Fixed | Words):
            return True
        kept = without_grouping(text, hyphens=self._has_hyphens)
        return isinstance(first.read(kept, 0), Taken)

    def read(self, text: str, *, suggest: bool = True) -> Reading | Malformed | Mistyped:
        """Read a text as a code of this pattern that a person typed.

        Either case is read; blanks are skipped, and so are hyphens where the pattern has none.
        Suggestions come from the pattern alone; see `reading`. To look for one takes some forty
        times as long as to read: without suggest there is none.
        """
        kept = without_grouping(text, hyphens=self._has_hyphens)
        match self._read(kept):
            case SegmentFault() as fault:
                meant = self._only_reading(replacements(kept, fault.at)) if suggest else None
                return malformed(text, fault, meant, hyphens=self._has_hyphens)
            case Reading() as reading:
                return reading
            case wrong:
                return Mistyped(self._only_reading(likely_slips(wrong)) if suggest else None)

    def _read(self, text: str) -> Reading | str | SegmentFault:
        """A text without grouping; the canonical code alone if its check symbol is wrong."""
        values: dict[str, str] = {}
        code, checked, at = "", "", 0
        for segment in self.segments:
            taken = segment.read(text, at)
            if isinstance(taken, SegmentFault):
                return taken
            code, at = code + taken.value, taken.end
            if isinstance(segment, Check) or (isinstance(segment, Symbols) and segment.random):
                checked += taken.value
            if not isinstance(segment, Fixed | Check):
                values[segment.name] = taken.value
        if at < len(text):
            return SegmentFault(at, "the end")
        right = not self.has_check or adds_up(self.alphabet, checked)
        return Reading(code, values) if right else code

    def _only_reading(self, candidates: Iterable[str]) -> str | None:
        """The one among them that is a code, if exactly one is."""
        read = (self._read(candidate) for candidate in candidates)
        found = {reading.code for reading in read if isinstance(reading, Reading)}
        return found.pop() if len(found) == 1 else None

    @cached_property
    def _has_hyphens(self) -> bool:
        return any(isinstance(part, Fixed) and "-" in part.text for part in self.segments)

    def _see_where_words_end(self) -> None:
        """Words of different lengths must stand before - or _ or at the end, or they'd run on."""
        for segment, following in zip(self.segments, self.segments[1:], strict=False):
            if not isinstance(segment, Words) or len(set(segment.lengths)) == 1:
                continue
            if not (isinstance(following, Fixed) and following.text[0] in "-_"):
                raise ValueError(
                    f"pattern {self}: write - or _ behind {segment.name}, whose words differ in "
                    "length, or nobody can tell where they end"
                )

    def _see_what_is_checked(self) -> None:
        """At most one check symbol, behind all random symbols, over an alphabet that carries it."""
        checks = [place for place, part in enumerate(self.segments) if isinstance(part, Check)]
        if not checks:
            return
        drawn = [self.segments.index(part) for part in self.random_segments]
        symbols = sum(part.length for part in self.random_segments)
        if len(checks) > 1 or not drawn or max(drawn) > checks[0]:
            raise ValueError(f"pattern {self}: put one {{check}} behind the symbols it checks")
        if not self.alphabet.is_prime or symbols + 1 >= len(self.alphabet):
            raise ValueError(
                f"pattern {self}: a check symbol needs an alphabet whose size is prime (the "
                f"default's is 31) and greater than the {symbols + 1} symbols it stands among; "
                f"this one has {len(self.alphabet)}"
            )


def _fitting(segment: Symbols | Number | Words, value: str | None) -> str:
    """A value given by name, in canonical spelling."""
    if value is None:
        raise ValueError(f"say which {segment.name}: {segment.expression}")
    taken = segment.read(value, 0)
    if isinstance(taken, SegmentFault) or taken.end != len(value):
        raise ValueError(f"{segment.name} is {value!r}, but must match {segment.expression}")
    return taken.value

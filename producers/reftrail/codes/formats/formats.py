"""Formats of an installation, and the judgement of a text under them.

All that is decided here follows from the text, the formats and their secrets. Whether a code has
been issued, expired or been revoked is for the store to say.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Malformed, Mistyped, Pattern, Reading
from reftrail.codes.formats.patterns.reading import without_grouping
from reftrail.codes.formats.selection import Selection


@dataclass(frozen=True)
class RegisteredFormat:
    """Random, structured or chosen codes: genuine if the store has them. retired ones are not."""

    name: str
    pattern: Pattern
    retired: tuple[Selection, ...] = ()


@dataclass(frozen=True)
class DerivedFormat:
    """Codes that prove themselves. Two with one secret and two prefixes are one set of codes.

    is_retired: genuine codes count no longer.
    """

    name: str
    codes: DerivedCodes
    is_retired: bool = False

    @property
    def pattern(self) -> Pattern:
        """The pattern of its codes."""
        return self.codes.pattern


@dataclass(frozen=True)
class UncheckedFormat:
    """Derived codes whose secret isn't here: genuine and forged ones look alike."""

    name: str
    pattern: Pattern


Format: TypeAlias = RegisteredFormat | DerivedFormat | UncheckedFormat


@dataclass(frozen=True, slots=True)
class UnknownFormat:
    """No format has a prefix like this."""


@dataclass(frozen=True, slots=True)
class Forged:
    """Well written, and not a code of the campaign: somebody has guessed or made it up."""

    code: str
    format: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Well written, and perhaps a code of a campaign: its secret, which could tell, isn't here."""

    reading: Reading
    format: str


@dataclass(frozen=True, slots=True)
class Retired:
    """Well written, but a code of those that its format has retired."""

    reading: Reading
    format: str


@dataclass(frozen=True, slots=True)
class WellFormed:
    """Well written. Only the store knows whether it was ever issued."""

    reading: Reading
    format: str


@dataclass(frozen=True, slots=True)
class Valid:
    """Proven to be the code with this number, from 1, of its campaign."""

    code: str
    format: str
    campaign_id: str
    sequence: int


CodeVerdict: TypeAlias = (
    UnknownFormat | Malformed | Mistyped | Forged | Unchecked | Retired | WellFormed | Valid
)

_FROM_LEAST_TO_MOST: Final[tuple[type[CodeVerdict], ...]] = (
    UnknownFormat,
    Malformed,
    Mistyped,
    Forged,
    Unchecked,
    Retired,
    WellFormed,
    Valid,
)


@dataclass(frozen=True)
class Formats:
    """The formats of an installation.

    Raises ValueError if two have one name, or if a forged code of one could pass for a well-formed
    one of another.
    """

    formats: tuple[Format, ...] = field(default=())
    _by_prefix: dict[str, set[int]] = field(init=False, repr=False, compare=False)
    _prefix_lengths: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [format_.name for format_ in self.formats]
        if len(set(names)) < len(names):
            raise ValueError("each format needs a name of its own")
        registered = [format_ for format_ in self.formats if isinstance(format_, RegisteredFormat)]
        for format_ in self.formats:
            if not isinstance(format_, RegisteredFormat):
                for other in registered:
                    _see_that_they_differ(format_, other)
        by_prefix: dict[str, set[int]] = {}
        for place, format_ in enumerate(self.formats):
            for prefix in format_.pattern.prefixes:
                by_prefix.setdefault(_folded(prefix), set()).add(place)
        object.__setattr__(self, "_by_prefix", by_prefix)
        object.__setattr__(self, "_prefix_lengths", frozenset(map(len, by_prefix)))

    def verify(self, text: str, *, suggest: bool = True) -> CodeVerdict:
        """Judge a text as a person typed it; with suggestions, if asked for (`Pattern.read`).

        Every format whose prefix it has is asked, whatever the others said, so that the time taken
        doesn't tell which campaign a code belongs to.
        """
        verdicts = [
            _judge(format_, text, suggest=suggest) for format_ in self._having_prefix_of(text)
        ]
        return max(verdicts, key=_telling, default=UnknownFormat())

    def _having_prefix_of(self, text: str) -> list[Format]:
        """Looked up, since there may be as many formats as campaigns."""
        kept = _folded(text)
        begins = (kept[:length] for length in self._prefix_lengths)
        places = set().union(*(self._by_prefix.get(prefix, ()) for prefix in begins))
        candidates = (self.formats[place] for place in sorted(places))
        return [candidate for candidate in candidates if candidate.pattern.begins(text)]


def _folded(text: str) -> str:
    """A text such that a prefix which it has, it still begins with."""
    return without_grouping(text, hyphens=False).upper()


def _judge(format_: Format, text: str, *, suggest: bool) -> CodeVerdict:
    reading = format_.pattern.read(text, suggest=suggest)
    if not isinstance(reading, Reading):
        return reading
    match format_:
        case DerivedFormat():
            return _proven(format_, reading)
        case RegisteredFormat(name, _, retired):
            is_retired = any(selection.takes(reading) for selection in retired)
            return Retired(reading, name) if is_retired else WellFormed(reading, name)
        case UncheckedFormat(name):
            return Unchecked(reading, name)
        case _:
            assert_never(format_)


def _proven(format_: DerivedFormat, reading: Reading) -> CodeVerdict:
    sequence = format_.codes.sequence(reading.code)
    if sequence is None:
        return Forged(reading.code, format_.name)
    if format_.is_retired:
        return Retired(reading, format_.name)
    return Valid(reading.code, format_.name, format_.codes.campaign_id, sequence)


def _telling(verdict: CodeVerdict) -> tuple[int, int]:
    """The more a verdict says of a text, the greater; of two faults, the later one."""
    position = verdict.position if isinstance(verdict, Malformed) else 0
    return _FROM_LEAST_TO_MOST.index(type(verdict)), position


def _see_that_they_differ(
    derived: DerivedFormat | UncheckedFormat, registered: RegisteredFormat
) -> None:
    (least, most), (shortest, longest) = derived.pattern.lengths, registered.pattern.lengths
    own = derived.pattern.prefix.upper()
    others = [prefix.upper() for prefix in registered.pattern.prefixes]
    meet = any(own.startswith(other) or other.startswith(own) for other in others)
    if meet and least <= longest and shortest <= most:
        raise ValueError(
            f"a forged code of {derived.name} ({derived.pattern}) could pass for one of "
            f"{registered.name} ({registered.pattern}); give each a prefix of its own"
        )

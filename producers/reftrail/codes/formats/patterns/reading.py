"""Results of reading a code as a person typed it.

A suggestion is made only if exactly one likely slip explains the text, and it follows from the
pattern alone: neither a secret nor the store is asked. So it tells nobody anything about which
codes are valid, and one who guesses codes gains nothing by it. The price is that a suggestion may
turn out not to be valid.
"""

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reftrail.codes.formats.patterns.segments import SegmentFault

_LOOKALIKES: Final = ("5S", "2Z", "8B", "6G", "UV")
_LIKE: Final = {
    character: other
    for pair in _LOOKALIKES
    for character, other in zip(pair, reversed(pair), strict=True)
}
_CODE_CHARACTERS: Final = string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True, slots=True)
class Reading:
    """A code in canonical spelling, with the values of its named segments."""

    code: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Malformed:
    """The text is no code of the pattern. position counts the characters typed, from 1.

    found is the character there, empty if the text ends before; expected says what should stand
    there.
    """

    position: int
    found: str
    expected: str
    suggestion: str | None

    def __str__(self) -> str:
        found = f"is {self.found!r}" if self.found else "is missing"
        return f"character {self.position} {found}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Mistyped:
    """Every character is allowed at its position, but the check symbol says that one is wrong."""

    suggestion: str | None

    def __str__(self) -> str:
        return "the code is mistyped: look for a wrong or exchanged character"


def without_grouping(text: str, *, hyphens: bool) -> str:
    """A text without blanks, and without hyphens unless they count."""
    joined = "".join(text.split())
    return joined if hyphens else joined.replace("-", "")


def malformed(
    text: str, fault: SegmentFault, suggestion: str | None, *, hyphens: bool
) -> Malformed:
    """A fault in a text `without_grouping`, at the position where the person looks for it."""
    counted = [
        (position, character)
        for position, character in enumerate(text, start=1)
        if not character.isspace() and (hyphens or character != "-")
    ]
    position, found = counted[fault.at] if fault.at < len(counted) else (len(text) + 1, "")
    return Malformed(position, found, fault.expected, suggestion)


def replacements(text: str, at: int) -> Iterator[str]:
    """The text with every other character in one place; nothing if it ends before."""
    if at < len(text):
        yield from (text[:at] + character + text[at + 1 :] for character in _CODE_CHARACTERS)


def likely_slips(code: str) -> Iterator[str]:
    """Texts that may have been meant: two neighbours exchanged, or one character like another."""
    for place in range(len(code) - 1):
        yield code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    for place, character in enumerate(code):
        if (like := _LIKE.get(character.upper())) is not None:
            yield code[:place] + like + code[place + 1 :]

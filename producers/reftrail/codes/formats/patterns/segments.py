"""Segments of a pattern: each has its values, and reads itself."""

import re
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

from reftrail.codes.formats.patterns.alphabet import DIGITS, Alphabet


@dataclass(frozen=True, slots=True)
class Taken:
    """A segment as read: its value in canonical spelling, and where the next segment begins."""

    value: str
    end: int


@dataclass(frozen=True, slots=True)
class SegmentFault:
    """Position (from 0) at which reading failed, and what was expected there."""

    at: int
    expected: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same characters in every code: a prefix, a separator, a suffix."""

    text: str

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Za-z0-9_-]+", self.text):
            raise ValueError(f"{self.text!r}: codes may have only A-Z, a-z, 0-9, _ and -")

    @property
    def size(self) -> int:
        """One."""
        return 1

    @property
    def expression(self) -> str:
        """Itself; none of its characters means anything to a regular expression."""
        return self.text

    @property
    def lengths(self) -> tuple[int, int]:
        """The length of the text."""
        return len(self.text), len(self.text)

    def read(self, text: str, at: int) -> Taken | SegmentFault:
        """The text, in either case."""
        for place, expected in enumerate(self.text, start=at):
            if _lower(text[place : place + 1]) != expected.lower():
                return SegmentFault(place, repr(expected))
        return Taken(self.text, at + len(self.text))


@dataclass(frozen=True, slots=True)
class Symbols:
    """A number of symbols of an alphabet. Drawn by the generator if they are `random`."""

    name: str
    alphabet: Alphabet
    length: int
    random: bool = False

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"{self.name}: the number of symbols must be 1 or more")

    @property
    def size(self) -> int:
        """All strings of that length."""
        return int(len(self.alphabet) ** self.length)

    @property
    def expression(self) -> str:
        """The alphabet's, repeated."""
        return f"{self.alphabet.expression}{{{self.length}}}"

    @property
    def lengths(self) -> tuple[int, int]:
        """The number of symbols."""
        return self.length, self.length

    def read(self, text: str, at: int) -> Taken | SegmentFault:
        """Symbol by symbol, so that the first wrong one is known."""
        end = at + self.length
        typed = text[at:end]
        spelt = "".join(map(self.alphabet.spelling_of.get, typed, repeat("")))
        if len(spelt) == self.length:
            return Taken(spelt, end)
        known = self.alphabet.spelling_of
        wrong = (place for place, symbol in enumerate(typed, start=at) if symbol not in known)
        expected = f"one of {self.alphabet.expression[1:-1]}"
        return SegmentFault(next(wrong, at + len(typed)), expected)


@dataclass(frozen=True, slots=True)
class Check:
    """The check symbol over all random symbols before it; see `check`."""

    alphabet: Alphabet

    @property
    def size(self) -> int:
        """One: it follows from the others."""
        return 1

    @property
    def expression(self) -> str:
        """Any symbol: an expression can't compute."""
        return self.alphabet.expression

    @property
    def lengths(self) -> tuple[int, int]:
        """One symbol."""
        return 1, 1

    def read(self, text: str, at: int) -> Taken | SegmentFault:
        """Any symbol; whether it adds up is asked once all are read."""
        return Symbols("check", self.alphabet, 1).read(text, at)


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two bounds, both included, with as many digits as the bounds are written."""

    name: str
    first: str
    last: str

    def __post_init__(self) -> None:
        digits = (self.first + self.last).isdecimal() and (self.first + self.last).isascii()
        if not digits or len(self.first) != len(self.last) or self.first > self.last:
            raise ValueError(
                f"{self.name}: write a range like 0001-9999, both ends with as many digits, "
                f"not {self.first}-{self.last}"
            )

    @property
    def size(self) -> int:
        """The count of numbers in the range."""
        return int(self.last) - int(self.first) + 1

    @property
    def expression(self) -> str:
        """Exactly the numbers in the range."""
        return f"(?:{'|'.join(_between(self.first, self.last))})"

    @property
    def lengths(self) -> tuple[int, int]:
        """The number of digits."""
        return len(self.first), len(self.first)

    def read(self, text: str, at: int) -> Taken | SegmentFault:
        """All its digits, in range."""
        digits = Symbols(self.name, DIGITS, len(self.first)).read(text, at)
        if isinstance(digits, SegmentFault):
            return digits
        value, end = digits.value, digits.end
        if not self.first <= value <= self.last:
            return SegmentFault(at, f"{self.name} from {self.first} to {self.last}")
        return Taken(value, end)


@dataclass(frozen=True, slots=True)
class Words:
    """One of some words, which may differ in length; `Pattern` sees to it that their end shows."""

    name: str
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        lowered = {word.lower() for word in self.words}
        if not self.words or len(lowered) < len(self.words):
            raise ValueError(f"{self.name}: name one or more words, each once, in one case")
        for word in self.words:
            if not (word.isascii() and word.isalnum()):
                raise ValueError(f"{self.name}: the word {word!r} may have only letters and digits")

    @property
    def size(self) -> int:
        """The number of words."""
        return len(self.words)

    @property
    def expression(self) -> str:
        """One word or another."""
        return f"(?:{'|'.join(self.words)})"

    @property
    def lengths(self) -> tuple[int, int]:
        """The lengths of the shortest and the longest word."""
        found = [len(word) for word in self.words]
        return min(found), max(found)

    def read(self, text: str, at: int) -> Taken | SegmentFault:
        """All letters and digits from here on, if they are one of the words."""
        shortest, longest = self.lengths
        end = at + shortest
        if shortest != longest:
            while text[end : end + 1].isalnum():
                end += 1
        spelling = {word.lower(): word for word in self.words}
        if (word := spelling.get(_lower(text[at:end]))) is None:
            return SegmentFault(at, " or ".join(self.words))
        return Taken(word, end)


AnySegment: TypeAlias = Fixed | Symbols | Check | Number | Words
"""One part of a pattern.

size is how many values it may have; expression a regular expression for its canonical values,
without groups that capture; lengths the least and the greatest number of characters; read gives its
value in a text from a position on, in either case.
"""


def _lower(text: str) -> str:
    """An ASCII text in lower case. The Kelvin sign's would be an ordinary k, which it is not."""
    return text.lower() if text.isascii() else text


def _between(first: str, last: str) -> list[str]:
    """Alternatives that match the numbers from first to last, which have as many digits."""
    if not first:
        return [""]
    if first[0] == last[0]:
        return [first[0] + rest for rest in _between(first[1:], last[1:])]
    nines, noughts = "9" * (len(first) - 1), "0" * (len(first) - 1)
    low = [first[0] + rest for rest in _between(first[1:], nines)]
    high = [last[0] + rest for rest in _between(noughts, last[1:])]
    from_, to = int(first[0]) + 1, int(last[0]) - 1
    between = [f"[{from_}-{to}]" + "[0-9]" * len(nines)] if from_ <= to else []
    return low + between + high

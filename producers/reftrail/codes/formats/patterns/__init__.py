"""Patterns of codes: their language, and all that follows from a pattern.

A `Pattern` reads, validates, composes and draws codes, and gives their regular expression, number
and odds. The alphabet is defined in `alphabet` alone.
"""

from reftrail.codes.formats.patterns.alphabet import DIGITS, LETTERS, UNAMBIGUOUS, Alphabet
from reftrail.codes.formats.patterns.odds import collision, next_collides, right_guess
from reftrail.codes.formats.patterns.pattern import Pattern
from reftrail.codes.formats.patterns.reading import Malformed, Mistyped, Reading

__all__ = [
    "DIGITS",
    "LETTERS",
    "UNAMBIGUOUS",
    "Alphabet",
    "Malformed",
    "Mistyped",
    "Pattern",
    "Reading",
    "collision",
    "next_collides",
    "right_guess",
]

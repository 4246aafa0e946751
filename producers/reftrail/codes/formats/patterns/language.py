"""Language of patterns.

    REF{body:9}                                  REF and nine random symbols
    SHIP{body:8}{check}-EU                       with a check symbol, and a suffix
    {programme:PRG|VIP}-{year:2020-2039}-{region:@@}-{sequence:####}-{status:A|R}

Outside braces, characters stand for themselves. Inside, a name and what may stand there:

    {name:9}            9 symbols of the alphabet, drawn by the generator
    {check}             the check symbol over the drawn symbols before it
    {name:@@}           as many capital letters as there are @
    {name:####}         as many digits as there are #
    {name:0001-0500}    a number in that range, with so many digits
    {name:A|R|Gone}     one of these words; a single word may stand alone
"""

import re
from collections.abc import Iterator
from typing import Final

from reftrail.codes.formats.patterns.alphabet import DIGITS, LETTERS, Alphabet
from reftrail.codes.formats.patterns.segments import (
    AnySegment,
    Check,
    Fixed,
    Number,
    Symbols,
    Words,
)

_PIECE: Final = re.compile(r"\{(?P<name>[a-z_]+)(?::(?P<values>[^{}]+))?\}|(?P<text>[^{}]+)")


def segments_of(written: str, alphabet: Alphabet) -> tuple[AnySegment, ...]:
    """The segments that a written pattern names. Raises ValueError that shows where it is wrong."""
    return tuple(_segments(written, alphabet))


def written(segments: tuple[AnySegment, ...]) -> str:
    """Segments in the language; `segments_of` reads them back."""
    return "".join(_written(segment) for segment in segments)


def _segments(pattern: str, alphabet: Alphabet) -> Iterator[AnySegment]:
    at = 0
    while at < len(pattern):
        piece = _PIECE.match(pattern, at)
        if piece is None:
            raise ValueError(
                f"pattern {pattern!r}, from character {at + 1}: write characters that stand for "
                "themselves, {check}, or {name:values} with the name in lower case"
            )
        yield _segment(piece, alphabet)
        at = piece.end()


def _segment(piece: re.Match[str], alphabet: Alphabet) -> AnySegment:
    name, values, text = piece["name"], piece["values"], piece["text"]
    if text is not None:
        return Fixed(text)
    if (name == "check") != (values is None):
        raise ValueError(f"{piece[0]}: write {{check}} without values, any other name with them")
    return Check(alphabet) if values is None else segment_of(name, values, alphabet)


def segment_of(name: str, values: str, alphabet: Alphabet) -> Symbols | Number | Words:
    """The segment of {name:values}."""
    if re.fullmatch("[0-9]+", values):
        return Symbols(name, alphabet, int(values), random=True)
    if set(values) == {"@"}:
        return Symbols(name, LETTERS, len(values))
    if set(values) == {"#"}:
        return Symbols(name, DIGITS, len(values))
    if span := re.fullmatch("([0-9]+)-([0-9]+)", values):
        return Number(name, span[1], span[2])
    return Words(name, tuple(values.split("|")))


def _written(segment: AnySegment) -> str:
    match segment:
        case Fixed(text):
            return text
        case Check():
            return "{check}"
        case Symbols(name, _, length, random=True):
            return f"{{{name}:{length}}}"
        case Symbols(name, alphabet, length):
            return f"{{{name}:{('#' if alphabet == DIGITS else '@') * length}}}"
        case Number(name, first, last):
            return f"{{{name}:{first}-{last}}}"
        case Words(name, words):
            return f"{{{name}:{'|'.join(words)}}}"

"""Characters that look alike, by Unicode's table of confusables (UTS 39)."""

import string
import unicodedata
from functools import cache
from typing import Any, Final

from confusable_homoglyphs.confusables import confusables_data

CODE_CHARACTERS: Final = string.ascii_uppercase + string.digits + "-_"


def skeleton(code: str) -> str:
    """The code with each character replaced by one for all that look like it.

    Two codes with one skeleton are taken for each other: 0 and O; 1, l and I; m and rn; in either
    case of letters. The store keeps skeletons unique, beside the codes.
    """
    folded = code.casefold().replace("rn", "m")
    return "".join(_class_of(character) for character in folded)


def latin_lookalike(character: str) -> str | None:
    """The character of codes that looks like one that codes can't have, as Cyrillic A is like A."""
    for candidate in (character, character.upper(), character.lower()):
        for like in sorted(_similar(candidate)):
            if like.upper() in CODE_CHARACTERS:
                return like.upper()
    return None


def described(character: str) -> str:
    """A character with its name, for people."""
    return f"{character!r} ({unicodedata.name(character, 'a character without name')})"


@cache
def _class_of(character: str) -> str:
    """The least of all code characters that it may be taken for, in either case, in any steps."""
    found, fresh = {character}, {character}
    while fresh:
        cased = {way for character in fresh for way in (character.lower(), character.upper())}
        alike = {
            like
            for character in cased
            for like in _similar(character)
            if like.upper() in CODE_CHARACTERS
        }
        fresh = (cased | alike) - found
        found |= fresh
    return min(found)


def _similar(character: str) -> set[str]:
    """Single characters that the table says look like one."""
    entries: list[dict[str, Any]] = confusables_data.get(character, [])
    return {entry["c"] for entry in entries if len(entry["c"]) == 1}

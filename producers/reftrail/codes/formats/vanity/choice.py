"""Codes that people choose for themselves."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.formats.vanity.confusables import (
    CODE_CHARACTERS,
    described,
    latin_lookalike,
    skeleton,
)
from reftrail.codes.formats.vanity.words import RESERVED, offensive_word, reserved_name
from reftrail.contracts.code_spelling import canonical

SHORTEST: Final = 3
LONGEST: Final = 32


class ChoiceReason(StrEnum):
    """The reason for which a chosen code is refused."""

    LENGTH = "length"
    CHARACTER = "character"
    CONFUSABLE = "confusable"
    OFFENSIVE = "offensive"
    RESERVED = "reserved"
    LIKE_ISSUED = "like_issued"


@dataclass(frozen=True, slots=True)
class Acceptable:
    """A choice that nothing speaks against but, perhaps, that it is taken.

    It is taken if the store has the same skeleton.
    """

    code: str
    skeleton: str


@dataclass(frozen=True, slots=True)
class ChoiceRefused:
    """The fault of a choice, in words for the person, with a similar one that would do, if any.

    The message about an offensive word doesn't repeat it.
    """

    reason: ChoiceReason
    message: str
    suggestion: str | None = None


Choice: TypeAlias = Acceptable | ChoiceRefused


def choose(
    wanted: str, patterns: Iterable[Pattern] = (), reserved: frozenset[str] = RESERVED
) -> Choice:
    """Judge a code that a person would like to have; patterns are those of issued codes."""
    code = normalised(wanted)
    if foreign := next((character for character in code if character not in CODE_CHARACTERS), None):
        return _foreign(code, foreign)
    return _refused(code, patterns, reserved) or Acceptable(code, skeleton(code))


def normalised(wanted: str) -> str:
    """Write a text as codes are: compatibility forms (full-width letters) plain, in canonical form.

    Blanks inside become one hyphen each, blanks around and invisible characters go.
    """
    plain = unicodedata.normalize("NFKC", wanted)
    visible = "".join(character for character in plain if unicodedata.category(character) != "Cf")
    return canonical("-".join(visible.split()))


def _foreign(code: str, character: str) -> ChoiceRefused:
    """About a character that codes can't have, with the code that it looks like if there is one."""
    likes = [
        character if character in CODE_CHARACTERS else latin_lookalike(character)
        for character in code
    ]
    if None in likes:
        return ChoiceRefused(
            ChoiceReason.CHARACTER,
            f"{described(character)} can't stand in a code; use A-Z, 0-9, - and _",
        )
    return ChoiceRefused(
        ChoiceReason.CONFUSABLE,
        f"{described(character)} looks like {latin_lookalike(character)}, but is another "
        "character; use A-Z, 0-9, - and _",
        "".join(like for like in likes if like),
    )


def _refused(
    code: str, patterns: Iterable[Pattern], reserved: frozenset[str]
) -> ChoiceRefused | None:
    """The first thing that speaks against a code of allowed characters."""
    if not SHORTEST <= len(code) <= LONGEST:
        return ChoiceRefused(
            ChoiceReason.LENGTH,
            f"{code or 'nothing'} has {len(code)} characters; choose {SHORTEST} to {LONGEST}",
        )
    if not any(character.isalnum() for character in code):
        return ChoiceRefused(ChoiceReason.CHARACTER, "choose at least one letter or digit")
    if offensive_word(code):
        return ChoiceRefused(
            ChoiceReason.OFFENSIVE, "the code contains an offensive word; choose another"
        )
    if name := reserved_name(code, reserved):
        return ChoiceRefused(ChoiceReason.RESERVED, f"{name} is reserved; choose another")
    issued = [prefix for pattern in patterns for prefix in pattern.prefixes if prefix]
    if like := next((prefix for prefix in issued if code.startswith(canonical(prefix))), None):
        return ChoiceRefused(
            ChoiceReason.LIKE_ISSUED,
            f"codes that begin with {like} are issued by us; begin with something else",
        )
    return None

"""Codes that people choose."""

import pytest

from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.formats.vanity import (
    RESERVED,
    Acceptable,
    ChoiceReason,
    ChoiceRefused,
    choose,
    offensive_word,
    reserved_name,
    skeleton,
)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ("amy", "AMY"),
        ("  Amy  Smith ", "AMY-SMITH"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}my_1", "AMY_1"),
        ("a\N{ZERO WIDTH SPACE}my", "AMY"),
        ("MASS2025", "MASS2025"),
        ("BASSIST", "BASSIST"),
    ],
)
def test_a_choice_is_written_as_codes_are(wanted: str, code: str) -> None:
    choice = choose(wanted)
    assert isinstance(choice, Acceptable)
    assert choice.code == code


@pytest.mark.parametrize(
    ("wanted", "reason", "suggestion"),
    [
        ("", ChoiceReason.LENGTH, None),
        ("ab", ChoiceReason.LENGTH, None),
        ("a" * 33, ChoiceReason.LENGTH, None),
        ("---", ChoiceReason.CHARACTER, None),
        ("amy!", ChoiceReason.CHARACTER, None),
        ("amy\N{PILE OF POO}", ChoiceReason.CHARACTER, None),
        ("\N{CYRILLIC CAPITAL LETTER A}MY", ChoiceReason.CONFUSABLE, "AMY"),
        ("\N{GREEK CAPITAL LETTER ALPHA}my", ChoiceReason.CONFUSABLE, "AMY"),
        ("fuckyou", ChoiceReason.OFFENSIVE, None),
        ("f-u_c-k-you", ChoiceReason.OFFENSIVE, None),
        ("sh1tty", ChoiceReason.OFFENSIVE, None),
        ("ass", ChoiceReason.OFFENSIVE, None),
        ("admin", ChoiceReason.RESERVED, None),
        ("ADM1N", ChoiceReason.RESERVED, None),
        ("r00t", ChoiceReason.RESERVED, None),
        ("SUPP0RT", ChoiceReason.RESERVED, None),
        ("ref-amy", ChoiceReason.LIKE_ISSUED, None),
        ("vipamy", ChoiceReason.LIKE_ISSUED, None),
    ],
)
def test_a_choice_is_refused_with_the_reason(
    wanted: str, reason: ChoiceReason, suggestion: str | None
) -> None:
    choice = choose(
        wanted, [Pattern.random(), Pattern.of("{a:4}"), Pattern.of("{tier:VIP|PRG}-{a:4}")]
    )
    assert isinstance(choice, ChoiceRefused)
    assert (choice.reason, choice.suggestion) == (reason, suggestion)


def test_a_message_tells_the_character_and_never_the_offence() -> None:
    foreign, offensive = choose("\N{CYRILLIC CAPITAL LETTER A}MY"), choose("fuckyou")
    assert isinstance(foreign, ChoiceRefused)
    assert "CYRILLIC CAPITAL LETTER A" in foreign.message
    assert isinstance(offensive, ChoiceRefused)
    assert "fuck" not in offensive.message.lower()


@pytest.mark.parametrize(
    "alike", [("O0", "00"), ("IL1", "l1I"), ("CORN", "COM"), ("amy", "AMY"), ("BO1", "b0L")]
)
def test_codes_taken_for_each_other_have_one_skeleton(alike: tuple[str, str]) -> None:
    assert skeleton(alike[0]) == skeleton(alike[1])


def test_different_characters_keep_different_skeletons() -> None:
    apart = "ABCDEFGHJKMNPQRSTUVWXYZ23456789-_"
    assert len({skeleton(text) for text in apart}) == len(apart)


def test_reserved_names_can_be_others() -> None:
    assert reserved_name("ACME", frozenset({"ACME"})) == "ACME"
    assert reserved_name("ADMIN", frozenset({"ACME"})) is None
    assert all(isinstance(choose(name), ChoiceRefused) for name in RESERVED)


def test_short_words_offend_only_alone() -> None:
    assert offensive_word("ASS")
    assert not offensive_word("GLASS")

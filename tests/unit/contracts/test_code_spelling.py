"""Spellings of one code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.code_spelling import LONGEST_CODE, canonical, is_code, spelled

CODES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
SPACE = st.text(" \t\n\r\u00a0\u2003", max_size=3)


@given(CODES, SPACE, SPACE)
def test_case_and_white_space_do_not_distinguish_codes(code: str, before: str, after: str) -> None:
    typed = before + code + after
    assert spelled(typed) == code
    assert canonical(typed) == canonical(code.lower()) == canonical(code.upper()) == code.upper()
    assert is_code(canonical(typed))
    assert canonical(canonical(typed)) == canonical(typed)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("amy smith", "amy-smith"),
        ("\uff21\uff2d\uff39\u3000\uff0d\u3000\uff11", "AMY-1"),
        (" PRG 2020 -US- 0429\n", "PRG-2020-US-0429"),
        ("a--b", "a--b"),
    ],
)
def test_blanks_and_full_width_letters_are_read_as_the_code_they_stand_for(
    typed: str, code: str
) -> None:
    assert spelled(typed) == code
    assert is_code(code)


@given(st.text())
def test_nothing_becomes_a_code_that_was_none(text: str) -> None:
    assert is_code(canonical(text)) == is_code(spelled(text))


@pytest.mark.parametrize("text", ["\u0131", "\u0130", "\u017f", "\u212a", "\u00df", "\ufb01"])
def test_letters_that_unicode_folds_to_ascii_stay_what_they_are(text: str) -> None:
    """The dotless and the dotted I of Turkish, the long s, the Kelvin sign and others."""
    assert canonical(f"a{text}") == f"A{text}"
    assert not is_code(canonical(text))


@pytest.mark.parametrize("text", ["", "a b", "a:b", "a\n", " a", "x" * (LONGEST_CODE + 1)])
def test_what_is_no_code(text: str) -> None:
    assert not is_code(text)
    assert is_code("x" * LONGEST_CODE)

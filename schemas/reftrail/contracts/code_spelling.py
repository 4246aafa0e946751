"""Spelling of codes: which texts can be codes, and when two texts are one code.

Codes are ASCII. White space around a code and the case of its letters don't distinguish it from
another. The spelling under which a code was registered is what is stored and shown; the canonical
form is what is compared, and how an unregistered code is written.
"""

import re
import string
from typing import Final

LONGEST_CODE: Final = 64
CODE_PATTERN: Final = rf"^[A-Za-z0-9_-]{{1,{LONGEST_CODE}}}$"
"""For a text without white space around it."""

_UPPER: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_CODE: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_CODE}}}", re.ASCII)


def trimmed(text: str) -> str:
    """A text without the white space around it."""
    return text.strip()


def canonical(text: str) -> str:
    """The form that all spellings of a code share: trimmed, its ASCII letters in upper case.

    Other letters stay: str.upper would make I of the dotless i, S of the long s, and so somebody's
    code of a text that is none.
    """
    text = trimmed(text)
    return text.upper() if text.isascii() else text.translate(_UPPER)


def is_code(text: str) -> bool:
    """Whether a trimmed text can be a code at all."""
    return _CODE.fullmatch(text) is not None

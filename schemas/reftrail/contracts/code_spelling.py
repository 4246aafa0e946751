"""Spelling of codes: which texts can be codes, and when two texts are one code.

Codes are ASCII. However a person types a code, it is the same one: with white space around it, in
any case of its letters, in full-width letters, or with a blank for a hyphen. The spelling under
which a code was registered is what is stored and shown; the canonical form is what is compared,
and how an unregistered code is written.
"""

import re
import string
from typing import Final

LONGEST_CODE: Final = 64
CODE_PATTERN: Final = rf"^[A-Za-z0-9_-]{{1,{LONGEST_CODE}}}$"
"""Form of a text that is `spelled`."""

_UPPER: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_FULL_WIDTH: Final = {code + 0xFEE0: code for code in range(ord("!"), ord("~") + 1)}
_BLANKS: Final = re.compile(r"\s*-\s*|\s+")
_CODE: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_CODE}}}", re.ASCII)


def spelled(text: str) -> str:
    """A typed text as codes are written, in the case of its letters.

    Full-width letters, which East Asian keyboards write, become plain ones. White space around it
    goes, blanks inside become a hyphen.
    """
    if is_code(text):
        return text
    return _BLANKS.sub("-", text.translate(_FULL_WIDTH).strip())


def canonical(text: str) -> str:
    """The form that all spellings of a code share: `spelled`, its ASCII letters in upper case.

    Other letters stay: str.upper would make I of the dotless i, S of the long s, and so somebody's
    code of a text that is none.
    """
    text = spelled(text)
    return text.upper() if text.isascii() else text.translate(_UPPER)


def is_code(text: str) -> bool:
    """Whether a spelled text can be a code at all."""
    return _CODE.fullmatch(text) is not None

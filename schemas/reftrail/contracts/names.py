"""Pattern of ids and names that clients choose: of users, visitors, orders, campaigns, channels.

Two ids that look alike, or like nothing, would be two users that nobody can tell apart. The pattern
is one for Rust's regular expressions (pydantic), Python's and ECMA's (OpenAPI) alike.
"""

import re
import unicodedata
from typing import Final

LONGEST_NAME: Final = 128
NAME_SAYS: Final = (
    f"1 to {LONGEST_NAME} characters, one of them visible, none a control or zero-width character"
)

_CONTROL: Final = r"\x00-\x1f\x7f-\x9f"
# Zero-width and bidirectional marks, line separators, annotations. Joiners (U+200C, U+200D) are
# letters' and emoji's own.
_NEVER: Final = (
    _CONTROL + r"\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
)
# Blanks, joiners, fillers and variation selectors.
_INVISIBLE: Final = (
    _NEVER + r"\x20\u00a0\u034f\u115f\u1160\u1680\u17b4\u17b5\u2000-\u200f\u202f\u205f\u2800"
    r"\u3000\u3164\ufe00-\ufe0f\uffa0"
)
NAME_PATTERN: Final = rf"^[^{_NEVER}]*[^{_INVISIBLE}][^{_NEVER}]*$"
LINE_PATTERN: Final = rf"^[^{_CONTROL}]+$"
"""Text on one line, for people."""
LONGEST_SOURCE: Final = 64
OTHER: Final = "other"
"""Value of a report's dimension in place of one that isn't kept."""
SOURCE_SAYS: Final = (
    f"text; what is longer than {LONGEST_SOURCE} characters, may be an e-mail address or is no "
    f"name counts as {OTHER}"
)

_may_be_email: Final = re.compile("[@\ufe6b\uff20]|%(?:25)*40").search
"""Finds an @: small, full-width or escaped, however often the address was escaped in another."""
_is_name: Final = re.compile(NAME_PATTERN).search
_IGNORED: Final = re.compile("[\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")
"""Invisible characters beyond Unicode's first 65,536: tags, as at the end of flags, and variation
selectors. `NAME_PATTERN` leaves them out: ECMA's patterns without the flag u can't say these."""
has_half_a_pair: Final = re.compile("[\ud800-\udfff]").search
"""Finds a surrogate alone, which JSON allows and no record can have."""


def seen(name: str) -> str:
    """A name that has the pattern. Raises ValueError where nothing of it is visible."""
    if not _is_seen(name):
        raise ValueError("nothing of it is visible")
    return name


def _is_seen(name: str) -> bool:
    return name.isascii() or _is_name(_IGNORED.sub("", name)) is not None


def usable_source(text: str) -> str | None:
    """The source of a visit, as reports have it: `OTHER` where the text can't be one.

    None for a text of nothing. It comes out of addresses that anybody writes, so it never makes an
    event unusable, and never keeps an e-mail address.
    """
    name = text.strip()
    if not name:
        return None
    if len(name) > LONGEST_SOURCE or _may_be_email(name) or has_half_a_pair(name):
        return OTHER
    return name if _is_name(name) and _is_seen(name) else OTHER


def is_same_person(actor: str, other: str) -> bool:
    """Whether two names of actors may be one person's: case, width and spaces tell nobody apart."""
    return _plain(actor) == _plain(other)


def _plain(actor: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", actor).casefold())
    return "".join(sign for sign in folded if unicodedata.category(sign)[0] not in "ZC")

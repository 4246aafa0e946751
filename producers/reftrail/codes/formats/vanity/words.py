"""Words that no code may contain, and names that no code may have."""

from functools import cache
from typing import Final

from sqids.constants import DEFAULT_BLOCKLIST

from reftrail.codes.formats.vanity.confusables import skeleton

_RESERVED: Final = (
    "ABUSE ACCOUNT ADMIN ADMINISTRATOR API APP AUTH BILLING BLOG CODE CODES COUPON DEMO DISCOUNT "
    "FREE FALSE GIFT HELP INFO INTERNAL INVITE LEGAL LOGIN LOGOUT MAIL MODERATOR NAN NEW NIL NONE "
    "NULL OFFICIAL OPERATOR OWNER PARTNER POSTMASTER PRIVACY PROMO REFERRAL REFTRAIL REGISTER "
    "REWARD ROOT SALES SECURITY SETTINGS SHOP SIGNUP STAFF STATUS SUPPORT SYSTEM TEAM TERMS TEST "
    "TRUE UNDEFINED UNKNOWN UNSUBSCRIBE USER VERIFY VOUCHER WEBMASTER WWW"
)
RESERVED: Final = frozenset(_RESERVED.split())
"""Words that would speak for the house, or that programs take for something else."""


def offensive_word(code: str) -> str | None:
    """An offensive word that a code contains, if any, whatever separates or disguises its letters.

    The list is that of `sqids`, made for short ids in several languages, read by its rule: words of
    three letters count as the whole code only, words with digits at its beginning or end, others
    anywhere. So harmless words that contain one are refused too; who asks for SCUNTHORPE must be
    given it by a person.
    """
    compact = code.replace("-", "").replace("_", "").lower()
    plain = skeleton(compact)
    return next(
        (
            word
            for word, word_plain in _offensive()
            if _occurs(word, compact) or _occurs(word_plain, plain)
        ),
        None,
    )


def reserved_name(code: str, reserved: frozenset[str] = RESERVED) -> str | None:
    """The reserved name that a code is, or is taken for."""
    compact = skeleton(code.replace("-", "").replace("_", ""))
    return next((name for name in sorted(reserved) if _skeleton_of(name) == compact), None)


def _occurs(word: str, text: str) -> bool:
    if len(text) <= 3 or len(word) <= 3:
        return word == text
    if word not in text:
        return False
    with_digits = any(character.isdigit() for character in word)
    return not with_digits or text.startswith(word) or text.endswith(word)


@cache
def _offensive() -> tuple[tuple[str, str], ...]:
    """The words with their skeletons."""
    return tuple((word, skeleton(word)) for word in sorted(DEFAULT_BLOCKLIST))


@cache
def _skeleton_of(word: str) -> str:
    return skeleton(word)

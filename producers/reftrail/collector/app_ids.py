"""Apps that may open referral links by themselves, as settings name them."""

import re
from typing import Final, NamedTuple

_IOS: Final = re.compile(r"[A-Z0-9]{10}\.[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_PACKAGE: Final = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)
_FINGERPRINT: Final = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2}){31}", re.ASCII)


class AndroidApp(NamedTuple):
    """A package, and the SHA-256 of a certificate that it is signed with."""

    package: str
    fingerprint: str


def parse_ios_app(text: str) -> str:
    """The application identifier of an app. Raises ValueError."""
    if _IOS.fullmatch(text) is None:
        raise ValueError(
            f"{text[:80]!r} is no app of iOS; give the team's id, a dot and the bundle's id, such "
            f"as ABCDE12345.com.example.shop"
        )
    return text


def parse_android_app(text: str) -> AndroidApp:
    """An app of Android. Raises ValueError."""
    package, _, fingerprint = text.partition("=")
    if not _PACKAGE.fullmatch(package) or not _FINGERPRINT.fullmatch(fingerprint.upper()):
        raise ValueError(
            f"{text[:80]!r} is no app of Android; give its package, = and the SHA-256 fingerprint "
            f"of its certificate in 32 pairs of digits, such as com.example.shop=14:6D:...:C5"
        )
    return AndroidApp(package, fingerprint.upper())

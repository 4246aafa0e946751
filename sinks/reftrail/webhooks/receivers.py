"""Receivers as they are given: addresses, and topics by name."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from reftrail.contracts.errors import ExpectedError
from reftrail.webhooks.log import PUBLIC

LONGEST_URL: Final = 2_000


def check_url(url: str) -> str:
    """The address of a receiver. Raises `ExpectedError`.

    Whether it is public is found out whenever something is sent: a name may lead elsewhere by then.
    """
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if (
        not has_host
        or parts.scheme not in ("http", "https")
        or parts.username is not None
        or parts.fragment
        or "\\" in url
        or len(url) > LONGEST_URL
        or not (url.isascii() and url.isprintable() and " " not in url)
    ):
        raise ExpectedError(
            f"{url[:100]!r} is no address of a receiver; give one such as "
            f"https://shop.example/webhooks, in ASCII and without a user's name"
        )
    return url


def check_topics(names: Iterable[str]) -> list[str]:
    """The names of topics, each once. Raises `ExpectedError`."""
    found = list(dict.fromkeys(names))
    unknown = [name for name in found if name not in PUBLIC]
    if unknown or not found:
        what = f"there is no public topic {unknown[0]}" if unknown else "no topic is named"
        raise ExpectedError(f"{what}; there are {', '.join(PUBLIC)}")
    return found

"""Receivers as they are given: addresses, and topics by name."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from reftrail.contracts.errors import ExpectedError
from reftrail.webhooks.guard import Networks, parse_address, refusal
from reftrail.webhooks.log import PUBLIC
from reftrail.webhooks.lookups import Lookups, LookupTimeout

LONGEST_URL: Final = 2_000
_LOOKUP_SECONDS: Final = 3.0


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


def undeliverable(url: str, allowed: Networks) -> str | None:
    """The reason for which nothing can be sent to a receiver now; None if nothing speaks against.

    The host that sends judges again at each request: its name server may give other addresses.
    """
    parts = urlsplit(url)
    encrypts = parts.scheme == "https"
    host = parts.hostname or ""
    try:
        found = Lookups().addresses(host, parts.port or (443 if encrypts else 80), _LOOKUP_SECONDS)
    except (LookupTimeout, OSError, UnicodeError) as error:
        return f"{host} can't be looked up here: {error}"
    reasons = (refusal(host, parse_address(text), allowed, encrypts=encrypts) for text in found)
    return next((reason for reason in reasons if reason is not None), None)


def check_topics(names: Iterable[str]) -> list[str]:
    """The names of topics, each once. Raises `ExpectedError`."""
    found = list(dict.fromkeys(names))
    unknown = [name for name in found if name not in PUBLIC]
    if unknown or not found:
        what = f"there is no public topic {unknown[0]}" if unknown else "no topic is named"
        raise ExpectedError(f"{what}; there are {', '.join(PUBLIC)}")
    return found

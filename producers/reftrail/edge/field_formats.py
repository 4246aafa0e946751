"""Formats of the fields that clients send, in words and as parsers."""

import re
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, inet_pton
from typing import Final

from reftrail.contracts.names import NAME_SAYS, SOURCE_SAYS
from reftrail.contracts.record import MICROS_PER_UNIT, Micros, Millis
from reftrail.contracts.times import TIMES_SAY, bounded, millis

MAX_PROPERTIES_BYTES: Final = 16 * 1024
_INT64_MAX: Final = 2**63 - 1

# RFC 3339, section 5.6: date-time.
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DECIMAL: Final = re.compile(r"(\d{1,13})(?:\.(\d{1,6}))?", re.ASCII)

_AMOUNT: Final = 'a decimal in a string, not negative and with at most 6 places, such as "19.99"'
EXPECTED: Final = {
    "type": "one of view, click, form_started, signup, purchase, refund, dispute_opened, "
    "dispute_won, dispute_lost, identified, users_merged",
    "event_id": "a UUID such as 0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f, neither nil nor max",
    "event_time": f"a time with its offset as in RFC 3339, such as 2025-03-01T12:00:00Z, "
    f"{TIMES_SAY}",
    "visitor_id": NAME_SAYS,
    "user_id": NAME_SAYS,
    "code": "1 to 64 of A-Z, a-z, 0-9, _ and -",
    "campaign_id": NAME_SAYS,
    "category": NAME_SAYS,
    "channel": NAME_SAYS,
    "source": "one of electronic, portal, direct",
    "device_id": NAME_SAYS,
    "ip": "an IPv4 or IPv6 address",
    "user_agent": "text of at most 1024 characters",
    "country": "two capital letters as in ISO 3166-1, such as DE",
    "email": "an e-mail address of at most 254 characters",
    "order_id": NAME_SAYS,
    "amount": _AMOUNT,
    "currency": "one of the codes of ISO 4217 in capital letters, such as EUR",
    "net_amount": _AMOUNT,
    "tax": _AMOUNT,
    "shipping": _AMOUNT,
    "dispute_id": NAME_SAYS,
    "refund_id": NAME_SAYS,
    "amount_refunded": _AMOUNT,
    "merged_into": NAME_SAYS,
    "utm_source": SOURCE_SAYS,
    "properties": f"a JSON object of at most {MAX_PROPERTIES_BYTES} bytes without reftrail_match, "
    "which the collector writes",
}
"""Each field in words, for the reasons of rejections."""


def parse_time(text: object) -> Millis:
    """Milliseconds since 1970 of an RFC 3339 time. Raises ValueError."""
    if not isinstance(text, str) or _RFC3339.fullmatch(text) is None:
        raise ValueError("must be a time with its offset as in RFC 3339")
    return millis(bounded(datetime.fromisoformat(text.upper())))


def parse_amount(text: object) -> Micros:
    """Micros of a decimal that isn't negative: free orders are orders. Raises ValueError."""
    found = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("no decimal")
    micros = int(found[1]) * MICROS_PER_UNIT + int((found[2] or "").ljust(6, "0"))
    if micros > _INT64_MAX:
        raise ValueError("out of range")
    return micros


def normal_address(text: str) -> str:
    """The normal form of an address. Raises ValueError.

    Four decimal numbers without leading zeros are in it: `inet_pton` takes nothing else.
    """
    try:
        inet_pton(AF_INET, text)
    except (OSError, ValueError):
        return str(parse_address(text))
    return text


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """An address without the ways to write it differently. Raises ValueError.

    An IPv4 address mapped into IPv6 is the IPv4 address; a zone (`%eth0`) is left out.
    """
    address = ip_address(text.strip().partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address

"""An entry of the lists from what a person writes."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, ip_network
from typing import Final

import uuid_utils

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import Listed, Listing
from reftrail.contracts.record import Millis
from reftrail.edge.field_formats import EXPECTED, parse_address
from reftrail.edge.pseudonyms import Pseudonyms


class Subject(StrEnum):
    """The kind of subject that a list names."""

    CODE = "code"
    USER = "user"
    IP = "ip"
    NETWORK = "network"
    DEVICE = "device"
    EMAIL = "email"


HASHED: Final = (Subject.IP, Subject.NETWORK, Subject.DEVICE, Subject.EMAIL)
"""Subjects that the topic holds as a keyed hash only."""

_LONGEST: Final = 254


def subject_value(subject: Subject, raw: str, pseudonyms: Pseudonyms | None) -> str:
    """The value under which the topic holds a subject: itself, or the hash that events have.

    A code is there in its canonical form, so that its letters' case doesn't matter.

    pseudonyms are needed for what is hashed. Raises `ExpectedError` that says what is expected.
    """
    text = raw.strip()
    if not 1 <= len(text) <= _LONGEST or not text.isprintable():
        raise ExpectedError(
            f"a {subject} has 1 to {_LONGEST} characters and none that is invisible"
        )
    if subject is Subject.CODE:
        return canonical(text)
    if subject is Subject.USER:
        return text
    if pseudonyms is None:
        raise ExpectedError(
            f"a {subject} is listed by its hash; set REFTRAIL_HASH_KEY to that of the collector"
        )
    match subject:
        case Subject.IP:
            return pseudonyms.address(_address(text))[0]
        case Subject.NETWORK:
            return pseudonyms.address(_address_in(text))[1]
        case Subject.DEVICE:
            return pseudonyms.device(text)
        case Subject.EMAIL:
            if text.count("@") != 1:
                raise ExpectedError(f"{text!r} is no {EXPECTED['email']}")
            return pseudonyms.email(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """An entry about a subject; value is as `subject_value` makes it.

    hash_key_id is that of the key under which the value was hashed, if it was. listing None takes
    back what was said. From expires_at on it doesn't count.
    """

    subject: Subject
    value: str
    listing: Listing | None
    actor: str
    expires_at: Millis | None = None
    reason: str | None = None
    hash_key_id: str | None = None

    def record(self, at: Millis) -> Listed:
        """The record of the entry, which holds from a time on."""
        return Listed(
            event_id=str(uuid_utils.uuid7()),
            event_time=at,
            received_at=at,
            subject=self.subject.value,
            value=self.value,
            listing=None if self.listing is None else self.listing.value,
            expires_at=self.expires_at,
            reason=self.reason,
            actor=self.actor,
            hash_key_id=self.hash_key_id if self.subject in HASHED else None,
        )


def _address(text: str) -> str:
    try:
        return str(parse_address(text))
    except ValueError:
        raise ExpectedError(f"{text!r} is not {EXPECTED['ip']}") from None


def _address_in(text: str) -> str:
    """An address in the network, which must be as large as those that are counted."""
    if "/" not in text:
        return _address(text)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ExpectedError(f"{text!r} is no network such as 203.0.113.0/24") from None
    counted = 24 if isinstance(network, IPv4Network) else 48
    if network.prefixlen != counted:
        raise ExpectedError(
            f"{text} can't be listed: events tell networks of /24, for IPv6 of /48; list those "
            f"that make it up"
        )
    return str(network.network_address)

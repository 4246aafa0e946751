"""The lists as their topic has them."""

from operator import attrgetter

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis
from reftrail.contracts.topics import LISTS
from reftrail.lists.entries import Subject
from reftrail.reference import read_all, write


def write_entry(installation: Installation, listed: Listed) -> None:
    """Write an entry; return when Kafka has it. Raises `ExpectedError`."""
    write(installation, LISTS, [listed])


def entries(installation: Installation, at: Millis) -> list[Listed]:
    """The entries in force at a time, by subject and value. Raises `ExpectedError`."""
    last: dict[tuple[str, str], Listed] = {}
    records = map(_with_canonical_code, read_all(installation, LISTS, Listed))
    for listed in sorted(records, key=attrgetter("event_time")):
        if listed.event_time <= at:
            last[listed.subject, listed.value] = listed
    return [
        listed
        for _, listed in sorted(last.items())
        if listed.listing is not None and (listed.expires_at is None or listed.expires_at > at)
    ]


def _with_canonical_code(listed: Listed) -> Listed:
    """The entry; older versions listed a code as it was typed."""
    if listed.subject != Subject.CODE:
        return listed
    return msgspec.structs.replace(listed, value=canonical(listed.value))

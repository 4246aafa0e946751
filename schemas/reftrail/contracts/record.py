"""Fields that all records on topics share, and the units used in them.

Times are integers: milliseconds since 1970-01-01T00:00Z. Money is an integer: millionths of one
unit of the currency ("micros"), so that sums are exact and every ISO 4217 currency fits. Each
amount is a whole number of minor units (cents, yen); `money.py` computes with those.
"""

from typing import TypeAlias

import msgspec

Millis: TypeAlias = int
Micros: TypeAlias = int

SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR
MICROS_PER_UNIT: Micros = 1_000_000


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message on a topic: an immutable fact with an identity and two times.

    event_id is the deduplication key. event_time is when it happened by the client's clock,
    received_at when the collector took it in; a derived record repeats the received_at of its
    cause, and a claim that of the action it is for, so that a replay writes the same bytes. Records
    hold no cycles: gc=False keeps them out of the collector's way.
    """

    event_id: str
    event_time: Millis
    received_at: Millis


class Derived(Record, frozen=True, kw_only=True):
    """A record that a stage derived from another one.

    cause_* locate that other record (topic without its prefix); rules names the version of the
    deciders that derived it.
    """

    cause_topic: str
    cause_partition: int
    cause_offset: int
    cause_event_id: str
    rules: str

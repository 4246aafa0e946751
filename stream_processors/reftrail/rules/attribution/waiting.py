"""Cells with timers: what waits for its user's signup, and refunds that waited in vain.

Most customers of a shop never sign up through the programme, so many purchases wait, and each of
their cells must be small: times are kept as differences, and fields that servers rarely report are
apart.

user:w:event  a purchase or refund that waits, by its event_id
user:u:ID     the same, if the event_id is a UUID: its 16 bytes in base64
user:r:order  refunds of an order that waited in vain
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, Self

import msgspec
from uuid_utils import UUID

from reftrail.contracts.decisions import Action
from reftrail.contracts.record import Micros, Millis
from reftrail.rules.attribution.claims import Deed, TouchShown
from reftrail.rules.cells import escaped, unescaped
from reftrail.rules.decider import Cause

_IS_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


NEVER: Millis = -1
"""In place of a time that there is none of. Real times are not negative."""


class RarelyReported(msgspec.Struct, frozen=True, array_like=True):
    """Fields that a purchase or refund usually lacks when a server reports it."""

    visitor_id: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    hash_key_id: str | None = None
    email_disposable: bool | None = None
    source: str | None = None
    touch: TouchShown | None = None


class WaitingDeed(msgspec.Struct, frozen=True, array_like=True):
    """A purchase or refund that waits.

    It was received at event_time + received_after (negative where a clock is fast), and waits for
    wait from then. offset is its place in the partition of the stage's input.
    """

    event_time: Millis = NEVER
    received_after: Millis = 0
    wait: Millis = 0
    offset: int = 0
    is_refund: bool = False
    order_id: str | None = None
    amount_micros: Micros | None = None
    currency: str | None = None
    country: str | None = None
    channel: str | None = None
    rest: RarelyReported | None = None

    @classmethod
    def of(cls, deed: Deed, wait: Millis, offset: int) -> Self:
        """The cell of a purchase or refund."""
        rest = RarelyReported(
            deed.visitor_id,
            deed.device_hash,
            deed.ip_hash,
            deed.network_hash,
            deed.email_hash,
            deed.hash_key_id,
            deed.email_disposable,
            deed.source,
            deed.touch,
        )
        return cls(
            deed.event_time,
            deed.received_at - deed.event_time,
            wait,
            offset,
            deed.action == Action.REFUND,
            deed.order_id,
            deed.amount_micros,
            deed.currency,
            deed.country,
            deed.channel,
            None if rest == _NOTHING else rest,
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self.event_time == NEVER

    @property
    def received_at(self) -> Millis:
        """The time of its receipt."""
        return self.event_time + self.received_after

    def place(self, now: Cause) -> Cause:
        """Its place in the log. now is that of a record in the same partition."""
        return Cause(now.topic, now.partition, self.offset)

    def deed(self, event_id: str) -> Deed:
        """The purchase or refund. Its event_id is in the key."""
        rest = self.rest or _NOTHING
        return Deed(
            action=Action.REFUND if self.is_refund else Action.PURCHASE,
            event_id=event_id,
            event_time=self.event_time,
            received_at=self.received_at,
            order_id=self.order_id,
            amount_micros=self.amount_micros,
            currency=self.currency,
            country=self.country,
            channel=self.channel,
            **{name: getattr(rest, name) for name in RarelyReported.__struct_fields__},
        )


_NOTHING: Final = RarelyReported()


class ForgottenRefunds(msgspec.Struct, frozen=True, array_like=True):
    """The refunds of an order that wait no longer. They are remembered until due_at.

    Each has the fingerprint of its event, and the codes under which it has claimed: a referral
    under another code doesn't know of the refund.
    """

    refunds: tuple[tuple[int, tuple[str, ...]], ...] = ()
    due_at: Millis = NEVER


def waiting_key(user_id: str, event_id: str) -> str:
    """The key of a purchase or refund that waits."""
    if _IS_UUID(event_id) is None:
        return f"{escaped(user_id)}:w:{event_id}"
    return f"{escaped(user_id)}:u:{urlsafe_b64encode(UUID(event_id).bytes)[:22].decode()}"


def forgotten_key(user_id: str, order_id: str) -> str:
    """The key of an order's refunds that wait no longer."""
    return f"{escaped(user_id)}:r:{order_id}"


def parts_of_timed_key(key: str) -> tuple[str, str]:
    """The user of a key with a timer, and the cell's name: `w:event` or `r:order`."""
    user_id, kind, name = key.split(":", 2)
    if kind == "u":
        kind, name = "w", str(UUID(bytes=urlsafe_b64decode(f"{name}==")))
    return unescaped(user_id), f"{kind}:{name}"


def due_at(cell: WaitingDeed | ForgottenRefunds) -> Millis | None:
    """The time of a cell's timer: the end of its wait, or of its memory."""
    if isinstance(cell, WaitingDeed):
        return None if cell.is_empty else cell.received_at + cell.wait
    return None if cell.due_at == NEVER else cell.due_at

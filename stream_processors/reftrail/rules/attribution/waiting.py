"""Cells with timers: what waits for its user's signup, and refunds that waited in vain.

Most customers of a shop never sign up through the programme, so many purchases wait, and each of
their cells must be small: times are kept as differences, and fields that servers rarely report are
apart.

user:w:event  a purchase or refund that waits, by its event_id
user:u:ID     the same, if the event_id is a UUID: its 16 bytes in base64
user%:d:event a purchase or refund of an attributed user, without a timer
user%e:e:USER:CODE  a referral of the user, or of one merged into them, that merging has ended;
                without CODE: that this one has signed up; a line break: that this one is known
user:t:visitor  a touch of a visitor who is known to be the user, until the signup; without
                visitor: that others were refused
user:r:order  refunds of an order that waited in vain
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import Final, Self, TypeAlias

import msgspec
from uuid_utils import UUID

from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import DISPUTES, Action
from reftrail.contracts.record import Micros, Millis
from reftrail.rules.attribution.user_action import TouchShown, UserAction
from reftrail.rules.cells import escaped, unescaped
from reftrail.rules.decider import Cause

_IS_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


Referral: TypeAlias = tuple[str, str]
"""A user and the code under which they are referred; no code where a signup has led to none."""

KNOWN: Final = "\n"
"""Mark in place of a code, for a merged user who has no referral and hasn't signed up."""

NEVER: Millis = -1
"""Value for a time that there is none of. Real times are not negative."""


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
    net_amount_micros: Micros | None = None
    refund_id: str | None = None
    amount_refunded_micros: Micros | None = None
    dispute_id: str | None = None


class WaitingAction(msgspec.Struct, frozen=True, array_like=True):
    """A purchase or refund that waits.

    It was received at event_time + received_after (negative where a clock is fast), and waits for
    wait from then. offset is its position in the partition of the stage's input. dispute is the
    action of what a bank said of an order.
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
    dispute: str = ""

    @classmethod
    def of(cls, action: UserAction, wait: Millis, offset: int) -> Self:
        """The cell of a purchase or refund."""
        rest = RarelyReported(
            action.visitor_id,
            action.device_hash,
            action.ip_hash,
            action.network_hash,
            action.email_hash,
            action.hash_key_id,
            action.email_disposable,
            action.source,
            action.touch,
            action.net_amount_micros,
            action.refund_id,
            action.amount_refunded_micros,
            action.dispute_id,
        )
        return cls(
            action.event_time,
            action.received_at - action.event_time,
            wait,
            offset,
            action.kind == Action.REFUND,
            action.order_id,
            action.amount_micros,
            action.currency,
            action.country,
            action.channel,
            None if rest == _NOTHING else rest,
            action.kind if action.kind in DISPUTES else "",
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self.event_time == NEVER

    @property
    def received_at(self) -> Millis:
        """The time of its receipt."""
        return self.event_time + self.received_after

    def cause(self, now: Cause) -> Cause:
        """Its position in the log. now is that of a record in the same partition."""
        return Cause(now.topic, now.partition, self.offset)

    def action(self, event_id: str) -> UserAction:
        """The purchase or refund. Its event_id is in the key."""
        rest = self.rest or _NOTHING
        paid = Action.REFUND if self.is_refund else Action.PURCHASE
        return UserAction(
            kind=self.dispute or paid,
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


class KeptAction(WaitingAction, frozen=True, array_like=True):
    """A purchase or refund of an attributed user, for another attribution after a merge.

    is_refused: the referrals that merging has ended couldn't all be asked about it, and a dead
    letter says so.
    """

    is_refused: bool = False


class EndedReferral(msgspec.Struct, frozen=True, array_like=True):
    """A mark that merging has ended a referral; without a code, that its user has signed up."""

    is_ended: bool = False


class WaitingTouch(msgspec.Struct, frozen=True, array_like=True):
    """A touch on another device of a user who hasn't signed up yet, until due_at.

    Without a record, a mark that others were refused, since too many waited.
    """

    record: Converted | None = None
    due_at: Millis = NEVER


class ForgottenRefunds(msgspec.Struct, frozen=True, array_like=True):
    """The refunds of an order that wait no longer. They are remembered until due_at.

    Each has the fingerprint of its event, and the codes under which it has claimed: a referral
    under another code doesn't know of the refund.
    """

    refunds: tuple[tuple[int, tuple[str, ...]], ...] = ()
    due_at: Millis = NEVER


@lru_cache(maxsize=1_024)  # a decision asks for it, and so does the evolution by its events
def waiting_key(user_id: str, event_id: str) -> str:
    """The key of a purchase or refund that waits."""
    if _IS_UUID(event_id) is None:
        return f"{escaped(user_id)}:w:{event_id}"
    return f"{escaped(user_id)}:u:{urlsafe_b64encode(UUID(event_id).bytes)[:22].decode()}"


def kept_key(user_id: str, event_id: str) -> str:
    """The key of a purchase or refund that is kept for another attribution after a merge."""
    return f"{kept_group(escaped(user_id))}:d:{event_id}"


def kept_group(key: str) -> str:
    """The group of what is kept for a user with a key.

    It is not the user's own, in which every decision looks for what waits. No escaped text ends so.
    """
    return f"{key}%"


def ended_key(user_id: str, referral: Referral) -> str:
    """The key of a referral that merging has ended, of a user or of one merged into them."""
    return f"{ended_group(escaped(user_id))}:e:{escaped(referral[0])}:{referral[1]}"


def ended_group(key: str) -> str:
    """The group of the referrals of a user with a key that merging has ended.

    Few decisions look for them. No escaped text ends so.
    """
    return f"{key}%e"


def referral_of(key: str) -> Referral:
    """The referral in a key of one that has ended."""
    _, _, user_id, code = key.split(":", 3)
    return unescaped(user_id), code


def touch_key(user_id: str, visitor_id: str) -> str:
    """The key of a touch on another device."""
    return f"{escaped(user_id)}:t:{visitor_id}"


def forgotten_key(user_id: str, order_id: str) -> str:
    """The key of an order's refunds that wait no longer."""
    return f"{escaped(user_id)}:r:{order_id}"


def parts_of_timed_key(key: str) -> tuple[str, str]:
    """The user of a key with a timer, and the cell's name: `w:event` or `r:order`."""
    user_id, kind, name = key.split(":", 2)
    if kind == "u":
        kind, name = "w", str(UUID(bytes=urlsafe_b64decode(f"{name}==")))
    return unescaped(user_id), f"{kind}:{name}"


def due_at(
    cell: WaitingAction | WaitingTouch | ForgottenRefunds | EndedReferral,
) -> Millis | None:
    """The time of a cell's timer: the end of its wait, or of its memory."""
    if isinstance(cell, KeptAction | EndedReferral):
        return None
    if isinstance(cell, WaitingAction):
        return None if cell.is_empty else cell.received_at + cell.wait
    return None if cell.due_at == NEVER else cell.due_at

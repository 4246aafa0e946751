"""Signups, purchases and refunds of a user, with the fields that claims of them need."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import Action
from reftrail.contracts.record import Micros, Millis
from reftrail.rules.decider import Cause


class TouchShown(msgspec.Struct, frozen=True, array_like=True):
    """Signals, receipt and key of the touch of a signup."""

    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    received_at: Millis | None = None
    key_kind: str | None = None


NOTHING_SHOWN: Final = TouchShown()


class UserAction(msgspec.Struct, frozen=True, array_like=True):
    """A signup, purchase or refund, with the fields that a claim of it needs."""

    kind: str
    event_id: str
    event_time: Millis
    received_at: Millis
    visitor_id: str | None = None
    order_id: str | None = None
    amount_micros: Micros | None = None
    currency: str | None = None
    country: str | None = None
    channel: str | None = None
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

    def signals(self) -> Iterator[tuple[str, str]]:
        """The signals that velocity checks count, by kind: its own, or else those of its touch."""
        touch = self.touch or NOTHING_SHOWN
        if ip := self.ip_hash or touch.ip_hash:
            yield "ip", ip
        if network := self.network_hash or touch.network_hash:
            yield "network", network
        if device := self.device_hash or touch.device_hash:
            yield "device", device
        if self.email_hash is not None:
            yield "email", self.email_hash


class LoggedAction(NamedTuple):
    """A purchase or refund, and its position in the log."""

    action: UserAction
    cause: Cause


def user_action_of(record: Converted) -> UserAction:
    """The signup, purchase or refund of a conversion."""
    return UserAction(
        kind=record.kind,
        event_id=record.conversion_event_id,
        event_time=record.event_time,
        received_at=record.received_at,
        visitor_id=record.visitor_id,
        order_id=record.order_id,
        amount_micros=record.amount_micros,
        currency=record.currency,
        country=record.country,
        channel=record.channel,
        device_hash=record.device_hash,
        ip_hash=record.ip_hash,
        network_hash=record.network_hash,
        email_hash=record.email_hash,
        hash_key_id=record.hash_key_id,
        email_disposable=record.email_disposable,
        source=record.source,
        touch=_touch_shown(record),
        net_amount_micros=record.net_amount_micros,
        refund_id=record.refund_id,
        amount_refunded_micros=record.amount_refunded_micros,
        dispute_id=record.dispute_id,
    )


def _touch_shown(record: Converted) -> TouchShown | None:
    shown = TouchShown(
        record.touch_device_hash,
        record.touch_ip_hash,
        record.touch_network_hash,
        record.touch_received_at,
        record.touch_key_kind,
    )
    return None if shown == NOTHING_SHOWN else shown


def when_claimed(action: UserAction) -> tuple[bool, Millis, str]:
    """The order in which claims follow a decision: purchases last, then by time and event_id.

    So a purchase that was refunded or disputed by then earns nothing, not even until its refund or
    dispute is read.
    """
    return action.kind == Action.PURCHASE, action.event_time, action.event_id

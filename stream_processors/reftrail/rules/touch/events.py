"""Records that follow from a visitor's events: the touch, the conversion, and state events."""

from typing import Any, Final, TypeAlias, final

from reftrail.contracts.conversions import ConversionKind, Converted, Touched
from reftrail.contracts.events import (
    Click,
    Conversion,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    Purchase,
    Refund,
    Signup,
    UsersMerged,
    View,
)
from reftrail.contracts.record import Derived, Micros, Millis
from reftrail.contracts.stage_messages import UserSeen
from reftrail.rules.decider import RULES, Cause, Refused, derived_id, metadata
from reftrail.rules.touch.state import IdentifiedUser, TouchState, evidence_of
from reftrail.rules.velocity import visitor_signal


@final
class VisitorForgotten(Derived, frozen=True, kw_only=True):
    """The state of a visitor counts no longer. A state event."""


class EarlierPeriod(Derived, frozen=True, kw_only=True):
    """A touch whose window ended before the first touch known now. A state event."""

    ended_at: Millis


class TouchedUnderEndedCode(Derived, frozen=True, kw_only=True):
    """A visitor touched a code that had been revoked or had expired by then. A state event."""

    visitor_id: str
    touched: Touched


class VisitorIdentified(Derived, frozen=True, kw_only=True):
    """A visitor is known to be a user. A state event."""

    visitor_id: str
    user: IdentifiedUser


class UserRefused(Derived, frozen=True, kw_only=True):
    """A visitor is known as too many users, and a dead letter says so. A state event."""

    visitor_id: str
    by_page: bool


TouchEvent: TypeAlias = (
    Touched
    | Converted
    | EarlierPeriod
    | TouchedUnderEndedCode
    | VisitorIdentified
    | UserRefused
    | VisitorForgotten
    | UserSeen
    | Refused
)


def touched_by(
    event: View | Click,
    cause: Cause,
    campaign_id: str | None,
    expires_at: Millis,
    arm: str | None = None,
) -> Touched:
    """The touch that an event with a code is, until its window ends.

    Its fields are given one by one: with `metadata` it took a third longer, and half of all
    records that a worker derives are touches.
    """
    assert event.code is not None
    return Touched(
        event_id=derived_id("touched", event.event_id),
        event_time=event.event_time,
        received_at=event.received_at,
        cause_topic=cause.topic,
        cause_partition=cause.partition,
        cause_offset=cause.offset,
        cause_event_id=event.event_id,
        rules=RULES,
        visitor_id=event.visitor_id,
        type="click" if isinstance(event, Click) else "view",
        code=event.code,
        campaign_id=campaign_id,
        category=event.category,
        channel=event.channel,
        code_evidence=event.code_evidence,
        touch_event_id=event.event_id,
        expires_at=expires_at,
        device_hash=event.device_hash,
        ip_hash=event.ip_hash,
        network_hash=event.network_hash,
        key_kind=event.key_kind,
        arm=arm,
        utm_source=event.utm_source,
    )


def late_touch_for(
    state: TouchState, event: View | Click, touched: Touched, cause: Cause
) -> Converted:
    """A late touch for a signup. The attribution stage has kept the signup's own signals."""
    common = metadata(event, cause, "late_touch")
    common["event_time"] = state.signed_up_at
    return Converted(
        **common,
        kind=ConversionKind.LATE_TOUCH,
        user_id=state.user_id,
        visitor_id=touched.visitor_id,
        conversion_event_id=state.signup_event_id,
        touch_event_id=touched.touch_event_id,
        touch_time=touched.event_time,
        touch_type=touched.type,
        touch_code=touched.code,
        touch_code_evidence=touched.code_evidence,
        touch_campaign_id=touched.campaign_id,
        touch_category=touched.category,
        touch_channel=touched.channel,
        arrived_at=touched.received_at,
        signed_up_at=state.signed_up_at,
        touch_received_at=touched.received_at,
        touch_key_kind=touched.key_kind,
        touch_device_hash=touched.device_hash,
        touch_ip_hash=touched.ip_hash,
        touch_network_hash=touched.network_hash,
        touch_arm=touched.arm,
        touch_utm_source=touched.utm_source,
    )


def identified_by(
    user: IdentifiedUser, visitor_id: str, touch: TouchState, event: Event, cause: Cause
) -> Converted:
    """The touch of a visitor who is known to be a user, for the user's signup on another device."""
    shown = _fields_of(touch)
    kind = ConversionKind.IDENTIFIED_BY_PAGE if user.by_page else ConversionKind.IDENTIFIED
    return Converted(
        **metadata(event, cause, f"identified:{user.user_id}"),
        kind=kind,
        user_id=user.user_id,
        visitor_id=visitor_id,
        conversion_event_id=user.event_id,
        arrived_at=max(user.received_at, shown["touch_received_at"] or 0),
        device_hash=user.device_hash,
        ip_hash=user.ip_hash,
        network_hash=user.network_hash,
        **shown,
    )


def seen_in(  # noqa: PLR0913 - who was seen, where and how it is known
    visitor_id: str,
    user_id: str,
    event: Event,
    cause: Cause,
    *,
    has_signed_up: bool = False,
    by_page: bool = False,
) -> UserSeen:
    """The message that a user was seen in a browser which several users share."""
    name = f"{'signed_up' if has_signed_up else 'user_seen'}:{user_id}"
    return UserSeen(
        **metadata(event, cause, name),
        signal=visitor_signal(visitor_id),
        user_id=user_id,
        has_signed_up=has_signed_up,
        by_page=by_page,
    )


def _fields_of(touch: TouchState) -> dict[str, Any]:
    """The fields of a conversion that say which touch counts for it."""
    evidence = evidence_of(touch)
    return {
        "touch_event_id": touch.touch_event_id,
        "touch_time": touch.touch_time,
        "touch_type": touch.touch_type,
        "touch_code": touch.code,
        "touch_code_evidence": touch.code_evidence,
        "touch_campaign_id": touch.campaign_id,
        "touch_category": touch.category,
        "touch_channel": touch.channel,
        "touch_received_at": evidence.received_at,
        "touch_key_kind": evidence.key_kind,
        "touch_device_hash": evidence.device_hash,
        "touch_ip_hash": evidence.ip_hash,
        "touch_network_hash": evidence.network_hash,
        "touch_arm": touch.arm,
        "touch_utm_source": touch.utm_source,
    }


_KINDS: Final[dict[type[Event], ConversionKind]] = {
    Signup: ConversionKind.SIGNUP,
    Purchase: ConversionKind.PURCHASE,
    Refund: ConversionKind.REFUND,
    DisputeOpened: ConversionKind.DISPUTE_OPENED,
    DisputeWon: ConversionKind.DISPUTE_WON,
    DisputeLost: ConversionKind.DISPUTE_LOST,
    UsersMerged: ConversionKind.USERS_MERGED,
}


def converted_by(
    event: Conversion | UsersMerged, cause: Cause, touch: TouchState | None
) -> Converted:
    """The conversion that an event is, with the touch that counts for it, if any."""
    typed = event if isinstance(event, Signup) and event.code is not None else None
    return Converted(
        **metadata(event, cause, "converted"),
        kind=_KINDS[type(event)],
        user_id=event.user_id,
        visitor_id=event.visitor_id,
        conversion_event_id=event.event_id,
        order_id=event.order_id,
        amount_micros=event.amount_micros,
        currency=event.currency,
        typed_code=typed.code if typed else None,
        typed_code_known=typed.code_known if typed else None,
        typed_code_evidence=typed.code_evidence if typed else None,
        typed_campaign_id=typed.campaign_id if typed else None,
        typed_category=typed.category if typed else None,
        country=event.country,
        channel=event.channel,
        source=event.source,
        device_hash=event.device_hash,
        ip_hash=event.ip_hash,
        network_hash=event.network_hash,
        email_hash=event.email_hash,
        email_disposable=event.email_disposable,
        hash_key_id=event.hash_key_id,
        net_amount_micros=_net_amount(event),
        refund_id=event.refund_id,
        amount_refunded_micros=event.amount_refunded_micros,
        dispute_id=event.dispute_id,
        merged_into=event.merged_into,
        utm_source=event.utm_source,
        **(_fields_of(touch) if touch else {}),
    )


def _net_amount(event: Event) -> Micros | None:
    """The net amount of an order: as reported, or else its amount less tax and shipping."""
    if event.net_amount_micros is not None or event.amount_micros is None:
        return event.net_amount_micros
    if event.tax_micros is None and event.shipping_micros is None:
        return None
    return max(0, event.amount_micros - (event.tax_micros or 0) - (event.shipping_micros or 0))

"""Records that follow from a visitor's events: the touch, the conversion, and state events."""

from typing import Final, TypeAlias

from reftrail.contracts.decisions import ConversionKind, Converted, Touched
from reftrail.contracts.events import Click, Conversion, Purchase, Refund, Signup, View
from reftrail.contracts.record import Derived, Millis
from reftrail.rules.decider import Cause, because
from reftrail.rules.touch.state import TouchState, evidence_of


class VisitorForgotten(Derived, frozen=True, kw_only=True):
    """The state of a visitor counts no longer. A state event."""


class EarlierPeriod(Derived, frozen=True, kw_only=True):
    """A touch whose window ended before the first touch known now. A state event."""

    ended_at: Millis


Conclusion: TypeAlias = Touched | Converted | EarlierPeriod | VisitorForgotten


def touched_by(
    event: View | Click, cause: Cause, campaign_id: str | None, expires_at: Millis
) -> Touched:
    """The touch that an event with a code is, until its window ends."""
    assert event.code is not None
    return Touched(
        **because(event, cause, "touched"),
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
    )


def late_touch_for(
    state: TouchState, event: View | Click, touched: Touched, cause: Cause
) -> Converted:
    """A late touch for a signup. The attribution stage has kept the signup's own signals."""
    common = because(event, cause, "late_touch")
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
    )


_KINDS: Final[dict[type[Conversion], ConversionKind]] = {
    Signup: ConversionKind.SIGNUP,
    Purchase: ConversionKind.PURCHASE,
    Refund: ConversionKind.REFUND,
}


def converted_by(event: Conversion, cause: Cause, touch: TouchState | None) -> Converted:
    """The conversion that an event is, with the touch that counts for it, if any."""
    typed = event if isinstance(event, Signup) and event.code is not None else None
    evidence = evidence_of(touch)
    return Converted(
        **because(event, cause, "converted"),
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
        touch_event_id=touch.touch_event_id if touch else None,
        touch_time=touch.touch_time if touch else None,
        touch_type=touch.touch_type if touch else None,
        touch_code=touch.code if touch else None,
        touch_code_evidence=touch.code_evidence if touch else None,
        touch_campaign_id=touch.campaign_id if touch else None,
        touch_category=touch.category if touch else None,
        touch_channel=touch.channel if touch else None,
        country=event.country,
        channel=event.channel,
        source=event.source,
        device_hash=event.device_hash,
        ip_hash=event.ip_hash,
        network_hash=event.network_hash,
        email_hash=event.email_hash,
        email_disposable=event.email_disposable,
        hash_key_id=event.hash_key_id,
        touch_received_at=evidence.received_at,
        touch_key_kind=evidence.key_kind,
        touch_device_hash=evidence.device_hash,
        touch_ip_hash=evidence.ip_hash,
        touch_network_hash=evidence.network_hash,
    )

"""First touch of a visitor, and its part in the visitor's conversions.

A first touch holds for its campaign's window, like a cookie that isn't overwritten. Touches within
the window change nothing. The first touch after the window opens a new period. An earlier touch
that comes in late replaces the first touch, if its own window reaches to it.

A period never gets shorter: it keeps its end when an earlier touch becomes its first, and touches
that an earlier period covers don't count later. So a touch with touch_time < t <= expires_at
changes nothing in this state or any later one, and neither does a touch that comes a second time.

A visitor is forgotten `LATE` after the end of the period, or after the receipt of the last event
that changed the state. What is received later is decided on as if nothing had been known. So it
doesn't matter when the host removes the state then.

Pages and apps can send any time for a click. So under a publishable key a touch that was old on
receipt replaces no other touch, and no code typed in at signup. It counts where the visitor has
neither (`Policy.backdated_touch_for`).
"""

from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.decisions import ConversionKind, Converted, Touched
from reftrail.contracts.events import (
    AnyEvent,
    Click,
    Conversion,
    FormStarted,
    Interaction,
    KeyKind,
    Purchase,
    Refund,
    Signup,
    View,
)
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import DAY, Derived, Millis, Record
from reftrail.contracts.reference import CampaignDefined
from reftrail.rules.decider import Cause, Reference, Woken, because
from reftrail.rules.policy import policy_at

NEVER: Final[Millis] = -1
"""In place of a time that there is none of. Real times are not negative."""


LATE: Final[Millis] = 30 * DAY
"""How long a visitor is remembered beyond the period: events may be received so much later."""


class TouchEvidence(msgspec.Struct, frozen=True, array_like=True):
    """Circumstances of a touch, for the fraud checks of its signup."""

    received_at: Millis | None = None
    key_kind: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None


_pack_evidence: Final = msgspec.msgpack.Encoder().encode
_unpack_evidence: Final = msgspec.msgpack.Decoder(TouchEvidence).decode
_NO_EVIDENCE: Final = TouchEvidence()


class TouchState(msgspec.Struct, frozen=True, array_like=True):
    """The state of a visitor: the touch that holds or held last, and the first signup.

    touch_time and expires_at come first, for the prefilter: with touch_time < t <= expires_at a
    touch at t changes nothing. Both are NEVER without a touch, covered_until without an earlier
    period, signed_up_at without a signup. period_end is NEVER unless it is later than expires_at.
    typed_a_code says whether the signup had a code that may exist. evidence is the touch's
    `TouchEvidence`, packed, so that the prefilter skips it in one step. The state counts for what
    is received until remembered_until, which is NEVER in states from before it was kept.
    """

    touch_time: Millis = NEVER
    expires_at: Millis = NEVER
    touch_event_id: str = ""
    touch_type: str = ""
    code: str = ""
    campaign_id: str | None = None
    category: str | None = None
    channel: str | None = None
    signed_up_at: Millis = NEVER
    signup_event_id: str = ""
    user_id: str = ""
    period_end: Millis = NEVER
    covered_until: Millis = NEVER
    code_evidence: str | None = None
    typed_a_code: bool = False
    evidence: bytes = b""
    remembered_until: Millis = NEVER

    @property
    def ends_at(self) -> Millis:
        """The last moment of the period, in which later touches don't count."""
        return max(self.expires_at, self.period_end)

    def at(self, received_at: Millis) -> "TouchState":
        """The state for what is received at a time: empty once the visitor is forgotten."""
        return self if received_at <= forgotten_after(self) else _NOBODY


_NOBODY: Final = TouchState()


def forgotten_after(state: TouchState) -> Millis:
    """The last time of receipt for which a state counts; without one, that of its period."""
    if state.remembered_until != NEVER:
        return state.remembered_until
    return max(state.ends_at, state.signed_up_at) + LATE


def wakes_at(state: TouchState) -> Millis | None:
    """The time at which a state may be removed; None for the state of nobody."""
    return None if state == _NOBODY else forgotten_after(state) + 1


class VisitorForgotten(Derived, frozen=True, kw_only=True):
    """The state of a visitor counts no longer. A state event."""


class EarlierPeriod(Derived, frozen=True, kw_only=True):
    """A touch whose window ended before the first touch known now. A state event."""

    ended_at: Millis


Conclusion: TypeAlias = Touched | Converted | EarlierPeriod | VisitorForgotten


class TouchDecider:
    """The decider of the touch stage. Its key is the visitor."""

    def decide(
        self, state: TouchState, record: AnyEvent | Woken, cause: Cause, reference: Reference
    ) -> list[Conclusion]:
        """The touch or conversion that follows from a visitor's event; or the end of the state."""
        if isinstance(record, Woken):
            return [VisitorForgotten(**because(record, cause))]
        state = state.at(record.received_at)
        match record:
            case View() | Click() if counts_as_touch(record, reference):
                return _touch(state, record, cause, reference)
            case View() | Click() | FormStarted():
                return []
            case Signup() if is_repeated(state, record):
                return []
            case Signup():
                return [_converted(record, cause, state if holds_for(state, record) else None)]
            case Purchase() | Refund():
                return [_converted(record, cause, None)]
            case _:
                assert_never(record)

    def evolve(self, state: TouchState, record: Conclusion) -> TouchState:
        """The state after an event."""
        if isinstance(record, VisitorForgotten):
            return _NOBODY
        before, state = state, state.at(record.received_at)
        match record:
            case Touched():
                return _with_touch(state, record)
            case Converted() if is_first_signup(state, record):
                return msgspec.structs.replace(
                    state,
                    signed_up_at=record.event_time,
                    signup_event_id=record.conversion_event_id,
                    user_id=record.user_id,
                    typed_a_code=bool(record.typed_code) and record.typed_code_known is not False,
                    remembered_until=_remembered_until(state, state.ends_at, record),
                )
            case Converted():
                return before
            case EarlierPeriod():
                remembered = _remembered_until(state, state.ends_at, record)
                covered = record.ended_at
                return msgspec.structs.replace(
                    state, covered_until=covered, remembered_until=remembered
                )
            case _:
                assert_never(record)


def _remembered_until(state: TouchState, ends_at: Millis, record: Record) -> Millis:
    """The end of the memory of a visitor whose period ends, after a record that changes it."""
    return max(forgotten_after(state), ends_at + LATE, record.received_at + LATE)


def counts_as_touch(event: View | Click, reference: Reference) -> bool:
    """Whether an event may be a touch: it has a code, and comes from a person.

    Clicks do, views only where the campaign counts them. A code that was looked up and doesn't
    exist (code_known False) doesn't count.
    """
    if event.code is None or event.is_bot or event.code_known is False:
        return False
    match event:
        case Click():
            return True
        case View():
            campaign_id = campaign_of(event, reference)
            return policy_at(reference, campaign_id, event.event_time).counts_views
        case _:
            assert_never(event)


def campaign_of(event: View | Click, reference: Reference) -> str | None:
    """The campaign of an event's code.

    Where the collector couldn't look the code up, its record may have been read since.
    """
    if event.campaign_id is not None or event.code is None:
        return event.campaign_id
    known = reference.code_if_known(event.code)
    return known.campaign_id if known else None


def is_backdated(event: View | Click, rules: CampaignDefined) -> bool:
    """Whether a touch is older on receipt than its campaign takes from a publishable key."""
    return (
        event.key_kind == KeyKind.PUBLISHABLE
        and event.received_at - event.event_time > policy_in(rules.policy).backdated_touch_for
    )


def holds_for(state: TouchState, signup: Signup) -> bool:
    """Whether the touch counts for a signup: it isn't later, and its window reaches to the signup.

    A signup without a visitor has no touch, even if its user has the id of a visitor.
    """
    return (
        signup.visitor_id is not None
        and state.touch_time != NEVER
        and state.touch_time <= signup.event_time <= state.expires_at
    )


def is_repeated(state: TouchState, signup: Signup) -> bool:
    """Whether the same signup event was decided on before."""
    return signup.visitor_id is not None and state.signup_event_id == signup.event_id


def is_first_signup(state: TouchState, record: Converted) -> bool:
    """Whether a conversion is the visitor's first signup to arrive. Late touches are for it."""
    return (
        record.kind == ConversionKind.SIGNUP
        and record.visitor_id is not None
        and state.signed_up_at == NEVER
    )


def _touch(
    state: TouchState, event: View | Click, cause: Cause, reference: Reference
) -> list[Conclusion]:
    if _is_covered(state, event):
        return []
    campaign_id = campaign_of(event, reference)
    rules = policy_at(reference, campaign_id, event.event_time)
    backdated = is_backdated(event, rules)
    if backdated and event.event_time <= state.ends_at:
        return []
    expires_at = event.event_time + rules.attribution_window_ms
    if expires_at < state.touch_time:
        ended_at = max(expires_at, state.covered_until)
        return [EarlierPeriod(**because(event, cause, "earlier_period"), ended_at=ended_at)]
    touched = _touched(event, cause, campaign_id, expires_at)
    is_late = state.signed_up_at != NEVER and event.event_time <= state.signed_up_at <= expires_at
    if is_late and not (backdated and state.typed_a_code):
        return [touched, _late_touch(state, event, touched, cause)]
    return [touched]


def _is_covered(state: TouchState, event: Interaction) -> bool:
    """Whether another touch holds at the event's time, in this period or an earlier one."""
    if event.event_id == state.touch_event_id:
        return True
    if event.event_time > state.ends_at:
        return False
    is_earlier = (event.event_time, event.event_id) < (state.touch_time, state.touch_event_id)
    return event.event_time <= state.covered_until or not is_earlier


def _with_touch(state: TouchState, touched: Touched) -> TouchState:
    """A touch after the end of the period opens the next; any other is the period's new first."""
    ends_at = state.ends_at
    opens_period = touched.event_time > ends_at
    stays_until = NEVER if opens_period else ends_at
    return msgspec.structs.replace(
        state,
        touch_time=touched.event_time,
        expires_at=touched.expires_at,
        touch_event_id=touched.touch_event_id,
        touch_type=touched.type,
        code=touched.code,
        campaign_id=touched.campaign_id,
        category=touched.category,
        channel=touched.channel,
        code_evidence=touched.code_evidence,
        evidence=_pack_evidence(
            TouchEvidence(
                touched.received_at,
                touched.key_kind,
                touched.device_hash,
                touched.ip_hash,
                touched.network_hash,
            )
        ),
        period_end=stays_until if stays_until > touched.expires_at else NEVER,
        covered_until=ends_at if opens_period else state.covered_until,
        remembered_until=_remembered_until(state, touched.expires_at, touched),
    )


def _touched(
    event: View | Click, cause: Cause, campaign_id: str | None, expires_at: Millis
) -> Touched:
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


def _late_touch(
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


def _converted(event: Conversion, cause: Cause, touch: TouchState | None) -> Converted:
    typed = event if isinstance(event, Signup) and event.code is not None else None
    evidence = _unpack_evidence(touch.evidence) if touch and touch.evidence else _NO_EVIDENCE
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

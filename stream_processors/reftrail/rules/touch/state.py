"""State of a visitor: what is kept of the first touch and of the first signup, and for how long."""

from typing import Final

import msgspec

from reftrail.contracts.decisions import Touched
from reftrail.contracts.record import DAY, Millis, Record

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
        return self if received_at <= forgotten_after(self) else NOBODY


NOBODY: Final = TouchState()


def forgotten_after(state: TouchState) -> Millis:
    """The last time of receipt for which a state counts; without one, that of its period."""
    if state.remembered_until != NEVER:
        return state.remembered_until
    return max(state.ends_at, state.signed_up_at) + LATE


def wakes_at(state: TouchState) -> Millis | None:
    """The time at which a state may be removed; None for the state of nobody."""
    return None if state == NOBODY else forgotten_after(state) + 1


def remembered_until_after(state: TouchState, ends_at: Millis, record: Record) -> Millis:
    """The end of the memory of a visitor whose period ends, after a record that changes it."""
    return max(forgotten_after(state), ends_at + LATE, record.received_at + LATE)


def with_touch(state: TouchState, touched: Touched) -> TouchState:
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
        remembered_until=remembered_until_after(state, touched.expires_at, touched),
    )


def evidence_of(touch: TouchState | None) -> TouchEvidence:
    """The circumstances of the touch that a state has, for the fraud checks; none without one."""
    return _unpack_evidence(touch.evidence) if touch and touch.evidence else _NO_EVIDENCE

"""State of a visitor: what is kept of the first touch and of the first signup, and for how long."""

from typing import Final

import msgspec

from reftrail.contracts.conversions import Touched
from reftrail.contracts.record import DAY, Millis, Record

NEVER: Final[Millis] = -1
"""Value for a time that there is none of. Real times are not negative."""


LATE: Final[Millis] = 30 * DAY
"""The time for which a visitor is remembered beyond the period: events may be so late."""


class TouchEvidence(msgspec.Struct, frozen=True, array_like=True):
    """Circumstances of a touch, for the fraud checks of its signup."""

    received_at: Millis | None = None
    key_kind: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None


class IdentifiedUser(msgspec.Struct, frozen=True, array_like=True):
    """A user that a visitor is known to be, and the event that said so.

    Without a user_id, a mark that others were refused whom pages named, or servers.
    """

    user_id: str
    event_id: str
    received_at: Millis
    by_page: bool
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None


MOST_USERS: Final = 8
"""The most users of a visitor that servers name, and that pages do: a household shares a device.

Any one page can name as many as it likes, and takes no place from those of servers.
"""

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
    under_ended_code is the first touch under a code that had been revoked or had expired, as a
    packed `TouchState`. It counts only where no other touch does. users are the users that the
    visitor is known to be (`IdentifiedUser`), packed. arm and utm_source are those of
    the touch.
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
    under_ended_code: bytes = b""
    users: bytes = b""
    arm: str | None = None
    utm_source: str | None = None

    @property
    def ends_at(self) -> Millis:
        """The last moment of the period, in which later touches don't count."""
        return self.expires_at if self.period_end == NEVER else self.period_end

    def at(self, received_at: Millis) -> "TouchState":
        """The state for what is received at a time: empty once the visitor is forgotten."""
        if self is NOBODY:  # as for nearly every touch
            return self
        until = self.remembered_until
        if until == NEVER:
            until = forgotten_after(self)
        return self if received_at <= until else NOBODY


NOBODY: Final = TouchState()


def forgotten_after(state: TouchState) -> Millis:
    """The last time of receipt for which a state counts; without one, that of its period."""
    if state.remembered_until != NEVER:
        return state.remembered_until
    if state is NOBODY:  # as for nearly every touch, and asked several times for each
        return NEVER + LATE
    return max(state.ends_at, state.signed_up_at) + LATE


def wakes_at(state: TouchState) -> Millis | None:
    """The time at which a state may be removed; None for the state of nobody."""
    if state.remembered_until != NEVER:
        return state.remembered_until + 1
    return None if state == NOBODY else forgotten_after(state) + 1


def remembered_until_after(state: TouchState, ends_at: Millis, record: Record) -> Millis:
    """The end of the memory of a visitor whose period ends, after a record that changes it."""
    if state is NOBODY:  # as for nearly every touch: there is nothing older to remember
        return max(ends_at, record.received_at) + LATE
    return max(forgotten_after(state), max(ends_at, record.received_at) + LATE)


def touch_under_ended_code(state: TouchState) -> TouchState:
    """The touch under an ended code that a state has; the state of nobody without one."""
    return _unpack_state(state.under_ended_code) if state.under_ended_code else NOBODY


def users_of(state: TouchState) -> tuple[IdentifiedUser, ...]:
    """The users that a visitor is known to be, in the order in which they became known."""
    return tuple(known for known in _all_users(state) if known.user_id)


def has_refused(state: TouchState, *, by_page: bool) -> bool:
    """Whether a user was refused whom a page named, or a server, since there were too many."""
    return any(not known.user_id and known.by_page == by_page for known in _all_users(state))


def _all_users(state: TouchState) -> tuple[IdentifiedUser, ...]:
    return _unpack_users(state.users) if state.users else ()


def with_user(state: TouchState, user: IdentifiedUser) -> TouchState:
    """The state with a user; one who is known by a page's word takes their own place."""
    others = [known for known in _all_users(state) if known.user_id != user.user_id]
    return msgspec.structs.replace(
        state,
        users=_pack_evidence((*others, user)),
        remembered_until=max(forgotten_after(state), state.ends_at + LATE, user.received_at + LATE),
    )


def with_refused(state: TouchState, *, by_page: bool) -> TouchState:
    """The state with a mark that a user was refused. It is remembered no longer for that."""
    mark = IdentifiedUser("", "", NEVER, by_page)
    return msgspec.structs.replace(state, users=_pack_evidence((*_all_users(state), mark)))


def with_touch_under_ended_code(state: TouchState, touched: Touched) -> TouchState:
    """The state with another touch under an ended code."""
    return msgspec.structs.replace(
        state,
        under_ended_code=_pack_state(with_touch(NOBODY, touched)),
        remembered_until=remembered_until_after(state, touched.expires_at, touched),
    )


def without_covered(state: TouchState) -> TouchState:
    """The state without a touch under an ended code that its period covers."""
    if not state.under_ended_code:
        return state
    ended = touch_under_ended_code(state)
    if state.touch_time <= ended.touch_time <= state.ends_at:
        return msgspec.structs.replace(state, under_ended_code=b"")
    return state


def with_touch(state: TouchState, touched: Touched) -> TouchState:
    """A touch after the end of the period opens the next; any other is the period's new first.

    All fields are given in their order: to replace those that change takes twice as long, and most
    events that change a state are touches.
    """
    ends_at = state.ends_at
    opens_period = touched.event_time > ends_at
    stays_until = NEVER if opens_period else ends_at
    expires_at = touched.expires_at
    return TouchState(
        touched.event_time,
        expires_at,
        touched.touch_event_id,
        touched.type,
        touched.code,
        touched.campaign_id,
        touched.category,
        touched.channel,
        state.signed_up_at,
        state.signup_event_id,
        state.user_id,
        stays_until if stays_until > expires_at else NEVER,
        ends_at if opens_period else state.covered_until,
        touched.code_evidence,
        state.typed_a_code,
        _pack_evidence(  # the fields of `TouchEvidence`
            (
                touched.received_at,
                touched.key_kind,
                touched.device_hash,
                touched.ip_hash,
                touched.network_hash,
            )
        ),
        remembered_until_after(state, expires_at, touched),
        state.under_ended_code,
        state.users,
        touched.arm,
        touched.utm_source,
    )


_pack_state: Final = msgspec.msgpack.Encoder().encode
_unpack_users: Final = msgspec.msgpack.Decoder(tuple[IdentifiedUser, ...]).decode
_unpack_state: Final = msgspec.msgpack.Decoder(TouchState).decode


def evidence_of(touch: TouchState) -> TouchEvidence:
    """The circumstances of a touch, for the fraud checks. States of former versions have none."""
    return _unpack_evidence(touch.evidence) if touch.evidence else _NO_EVIDENCE

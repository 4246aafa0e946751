"""Events of the attribution stage: those that go to topics, and those of its state alone."""

from typing import TypeAlias

from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import Attributed, Claimed
from reftrail.contracts.record import Derived, Millis
from reftrail.contracts.stage_messages import (
    CheckRequested,
    Forwarded,
    OrderAsked,
    ReferralVoided,
    UserSeen,
    UsersKnown,
)
from reftrail.rules.attribution.claims import Decision, Open
from reftrail.rules.attribution.state import AttributionState
from reftrail.rules.attribution.user_action import UserAction
from reftrail.rules.attribution.waiting import (
    KeptAction,
    Referral,
    WaitingAction,
)
from reftrail.rules.decider import Refused


class SignedUp(Derived, frozen=True, kw_only=True):
    """A user signed up without a referrer. A state event."""

    user_id: str
    signup: UserAction


class Postponed(Derived, frozen=True, kw_only=True):
    """A purchase or refund waits for a decision or its correction. A state event."""

    user_id: str
    action_id: str
    waiting: WaitingAction


class FirstPurchaseSeen(Derived, frozen=True, kw_only=True):
    """A user bought at event_time, before any other known purchase. A state event."""

    user_id: str


class BuyerSeen(Derived, frozen=True, kw_only=True):
    """The velocity stage is told that a user bought something in a browser. A state event."""

    user_id: str
    visitor: int
    day: int


class BrowserShared(Derived, frozen=True, kw_only=True):
    """A user is known to share these browsers with others. A state event."""

    user_id: str
    shared: tuple[int, ...]


class WaitingEnded(Derived, frozen=True, kw_only=True):
    """Purchases or refunds wait no longer. ended are their event_ids. A state event."""

    user_id: str
    ended: tuple[str, ...]


class RefundForgotten(Derived, frozen=True, kw_only=True):
    """A refund waits no longer, and is remembered until due_at. A state event."""

    user_id: str
    order_id: str
    refund_event_id: str
    due_at: Millis


class ForgottenRefundsDropped(Derived, frozen=True, kw_only=True):
    """The refunds of an order are no longer remembered. A state event."""

    user_id: str
    order_id: str


class TouchKept(Derived, frozen=True, kw_only=True):
    """A touch on another device waits for the user's signup until due_at. A state event."""

    user_id: str
    record: Converted
    due_at: Millis


class TouchRefused(Derived, frozen=True, kw_only=True):
    """Too many touches wait for a user, and a dead letter says so until due_at. A state event."""

    user_id: str
    due_at: Millis


class ClaimRefused(Derived, frozen=True, kw_only=True):
    """Ended referrals can't be asked about a claim, which a dead letter says. A state event.

    With is_refused False they were asked after all.
    """

    user_id: str
    action_id: str
    is_refused: bool = True


class TouchesDropped(Derived, frozen=True, kw_only=True):
    """Touches of these visitors wait for the user's signup no longer. A state event."""

    user_id: str
    visitors: tuple[str, ...]


class ActionKept(Derived, frozen=True, kw_only=True):
    """A purchase or refund of an attributed user is kept for other attributions. A state event."""

    user_id: str
    action_id: str
    kept: KeptAction


class HistoryChanged(Derived, frozen=True, kw_only=True):
    """A user's history is joined with another's, or leaves with the user. A state event.

    dropped are the event_ids of purchases and refunds that are kept here no longer, left the ended
    referrals that are known here no longer.
    """

    user_id: str
    state: AttributionState
    dropped: tuple[str, ...] = ()
    left: tuple[Referral, ...] = ()


class ReferralsEnded(Derived, frozen=True, kw_only=True):
    """Merging has ended referrals of a user, or of users merged into them. A state event."""

    user_id: str
    referrals: tuple[Referral, ...]


class Decided(Derived, frozen=True, kw_only=True):
    """An attribution decides for a user: of the user, or of one merged into them. A state event."""

    user_id: str
    decision: Decision


class LeftOpen(Derived, frozen=True, kw_only=True):
    """A decision may still be corrected, or without open no longer. A state event."""

    user_id: str
    code: str
    open: Open | None


Event: TypeAlias = (
    Attributed
    | Claimed
    | CheckRequested
    | ReferralVoided
    | UserSeen
    | OrderAsked
    | UsersKnown
    | SignedUp
    | Postponed
    | FirstPurchaseSeen
    | BuyerSeen
    | BrowserShared
    | WaitingEnded
    | RefundForgotten
    | ForgottenRefundsDropped
    | TouchKept
    | TouchRefused
    | ClaimRefused
    | TouchesDropped
    | ActionKept
    | HistoryChanged
    | ReferralsEnded
    | Decided
    | Forwarded
    | LeftOpen
    | Refused
)


STATE_EVENTS = (
    SignedUp,
    Postponed,
    FirstPurchaseSeen,
    BuyerSeen,
    BrowserShared,
    WaitingEnded,
    RefundForgotten,
    ForgottenRefundsDropped,
    TouchKept,
    TouchRefused,
    ClaimRefused,
    TouchesDropped,
    ActionKept,
    HistoryChanged,
    ReferralsEnded,
    Decided,
    LeftOpen,
)
"""The types of what goes to no topic."""

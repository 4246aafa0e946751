"""State events of the reward stage. They change its state and go to no topic.

They name the code and the referred user (for bonuses the beneficiary) whose cells change.
"""

from typing import Final, NamedTuple, TypeAlias, get_args

from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.decisions import Claimed, RewardDecided, RewardGranted, RewardWithdrawn
from reftrail.contracts.record import Micros, Millis, Record
from reftrail.contracts.stage_messages import (
    CheckRequested,
    LimitRequested,
    OrderAsked,
    PersonKnown,
    ReferralVoided,
    ReviewsCarried,
)
from reftrail.rules.decider import Refused
from reftrail.rules.fraud.case import Signals, SignalSeen
from reftrail.rules.reward.dispute_reports import DisputeCell
from reftrail.rules.reward.order import Order, RefundCell
from reftrail.rules.reward.queue import AssessedReward, Waiting
from reftrail.rules.reward.state import CarriedPlace, EarlyDecision, EndedSide, Progress


class _OfReferral(Record, frozen=True, kw_only=True):
    """A change of a referral's cells. Its id and times are those of the record decided on."""

    code: str
    user_id: str


class SignupShown(_OfReferral, frozen=True, kw_only=True):
    """The signals of the signup and of its touch are known."""

    signals: tuple[Signals, ...]
    signup_received_at: Millis
    touch_received_at: Millis | None
    touch_key_kind: str | None


class UsersNoted(_OfReferral, frozen=True, kw_only=True):
    """Other users, not known before, are known to be the user."""

    users: tuple[str, ...]


class EvidenceKept(_OfReferral, frozen=True, kw_only=True):
    """The answers about the signup's signals are known."""

    seen: tuple[SignalSeen, ...]


class Queued(_OfReferral, frozen=True, kw_only=True):
    """A claim or milestone is in the queue, until its turn and the answers to its checks."""

    waiting: Waiting
    unanswered: tuple[str, ...] = ()


class SignalNoted(_OfReferral, frozen=True, kw_only=True):
    """A check of a waiting claim is answered."""

    seen: SignalSeen


class PendingClaimResumed(_OfReferral, frozen=True, kw_only=True):
    """The first of those that wait is decided on."""


class LimitsRequested(_OfReferral, frozen=True, kw_only=True):
    """An action would earn, and asks for reservations under limits that codes share."""

    assessed: AssessedReward


class LimitsSettled(_OfReferral, frozen=True, kw_only=True):
    """The request for reservations is answered."""


class LimitsReleased(_OfReferral, frozen=True, kw_only=True):
    """Reservations under limits that count users are released: no reward rests on them."""

    reservations: tuple[str, ...]


class OrderRecorded(_OfReferral, frozen=True, kw_only=True):
    """An order as it is known now. skipped is its claim if the user earned often enough."""

    order: Order
    skipped: Waiting | None = None


class RefundCounted(_OfReferral, frozen=True, kw_only=True):
    """A refund by itself, as much as counts of it now. name is that of its cell."""

    name: str
    refund: RefundCell


class DisputeRecorded(_OfReferral, frozen=True, kw_only=True):
    """A dispute by itself, as it is known now. name is that of its cell."""

    name: str
    dispute: DisputeCell


class SkippedOrderTaken(_OfReferral, frozen=True, kw_only=True):
    """The first order that was skipped is decided on after all, or earns no more."""

    action: str


class ReferralEnded(_OfReferral, frozen=True, kw_only=True):
    """The orders that were skipped so far earn nothing any more. is_merged: for good."""

    is_merged: bool


class RewardUncounted(_OfReferral, frozen=True, kw_only=True):
    """A reward of a merged user counts no more under limits that count users."""

    action: str


class ProgressMade(_OfReferral, frozen=True, kw_only=True):
    """Orders count for more or less towards rewards by number or amount."""

    progress: Progress


class Earned(_OfReferral, frozen=True, kw_only=True):
    """An action is decided on. The entries of its sides follow."""

    assessed: AssessedReward


class SlotFreed(_OfReferral, frozen=True, kw_only=True):
    """An order's reward ended, and leaves the user's turn to another order.

    is_for_later: orders that were skipped so far don't get it, now or later.
    """

    is_for_later: bool = False


class AdjustmentAsked(_OfReferral, frozen=True, kw_only=True):
    """An adjustment by hand is accepted. Its ledger entry follows.

    prepared is that entry where it follows only once it is known what adds up with it.
    """

    asked: Adjusted
    prepared: RewardDecided | None = None


class EarlyDecisionKept(_OfReferral, frozen=True, kw_only=True):
    """A decision about an adjustment waits until it is known whether it needs approval."""

    early: EarlyDecision


class ReviewsKept(_OfReferral, frozen=True, kw_only=True):
    """A review has ended these sides of actions under a referral before a merge."""

    ended: tuple[tuple[str, EndedSide], ...]


class OrderEvidenceKept(_OfReferral, frozen=True, kw_only=True):
    """The answers about the signals of an order are known, here or under an ended referral."""

    action: str
    seen: tuple[SignalSeen, ...]


class PlaceCarried(_OfReferral, frozen=True, kw_only=True):
    """The user has a place by an action that was taken back under a referral before a merge."""

    action: str
    place: CarriedPlace


class PlacesLeft(_OfReferral, frozen=True, kw_only=True):
    """The places that an action was carried with are given up: this referral has ended too."""

    action: str


class CommandNoted(_OfReferral, frozen=True, kw_only=True):
    """A review was applied, or a report that changed something."""

    command_id: str


class DayForgotten(_OfReferral, frozen=True, kw_only=True):
    """The users under a code on a UTC day count no longer."""

    day: int


class PartialRefundDeferred(_OfReferral, frozen=True, kw_only=True):
    """A refund takes a part of a reward that isn't granted now."""

    action: str
    role: str
    value_micros: Micros


class MilestoneGone(_OfReferral, frozen=True, kw_only=True):
    """A milestone is lost whose bonus was rejected or reversed before: it can't be reinstated."""

    action: str


class SideReserved(NamedTuple):
    """The role of a side, how much refunds took of its value, and how much it has reserved."""

    role: str
    taken_back: Micros
    reserved: Micros


class Reinstated(_OfReferral, frozen=True, kw_only=True):
    """Sides of an action are about to be granted again, and have their reservations.

    takes_turn: the action counts again towards the rewards that its user may have.
    """

    action: str
    sides: tuple[SideReserved, ...]
    reservations: tuple[str, ...]
    user_reservations: tuple[str, ...]
    takes_turn: bool


StateEvent: TypeAlias = (
    SignupShown
    | UsersNoted
    | EvidenceKept
    | Queued
    | SignalNoted
    | PendingClaimResumed
    | LimitsRequested
    | LimitsSettled
    | LimitsReleased
    | OrderRecorded
    | RefundCounted
    | DisputeRecorded
    | SkippedOrderTaken
    | ReferralEnded
    | RewardUncounted
    | ProgressMade
    | Earned
    | SlotFreed
    | AdjustmentAsked
    | EarlyDecisionKept
    | ReviewsKept
    | OrderEvidenceKept
    | PlaceCarried
    | PlacesLeft
    | CommandNoted
    | PartialRefundDeferred
    | DayForgotten
    | MilestoneGone
    | Reinstated
)
STATE_EVENTS: Final = get_args(StateEvent)
"""The types of state events, which go to no topic."""

Event: TypeAlias = (
    RewardDecided
    | RewardGranted
    | RewardWithdrawn
    | LimitRequested
    | OrderAsked
    | CheckRequested
    | PersonKnown
    | Claimed
    | ReviewsCarried
    | ReferralVoided
    | Refused
    | StateEvent
)

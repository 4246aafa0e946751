"""The reward stage's state: of a code, of a referral, and of each of its orders and rewards.

No cell grows with the number of orders. Rewards of a referral, claims that wait and orders that
earned nothing only because a user earns so often are linked lists over cells.
"""

from typing import Final, NamedTuple

import msgspec

from reftrail.contracts.decisions import Claimed, RewardStatus, Role
from reftrail.contracts.life import MilestoneChanged
from reftrail.contracts.record import DAY, Micros, Millis
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours
from reftrail.rules.fraud.case import Evidence, Signals, SignalSeen
from reftrail.rules.reward.transitions import ENDED

LARGEST_SUM: Final = 2**63 - 1
"""To which amount amounts are added up at most: that of the largest order. More can't be packed."""


class CodeCell(msgspec.Struct, frozen=True, array_like=True):
    """How a code is used.

    users are how many different users earned, or will if what is held is granted; a reversal takes
    none off. hours and amounts are what is usual: claims decided on by hour, and the orders among
    them. claims is how many of those claims were suspicious.
    """

    users: int = 0
    hours: Hours = Hours()
    amounts: Amounts = Amounts()
    claims: Claims = Claims()


class CountCell(msgspec.Struct, frozen=True, array_like=True):
    """A count that is kept under a key of its own; place is the limit's place, where it has one."""

    count: int = 0
    place: str = ""


class Command(msgspec.Struct, frozen=True, array_like=True):
    """A mark that a review or report was carried out."""

    is_done: bool = False


class SideReward(msgspec.Struct, frozen=True, array_like=True):
    """One side's reward: what it is worth, and how it stands.

    status is empty until it is decided. entry_id is the ledger entry that a later one supersedes:
    the last one that held or granted it, or says that fulfilment failed. taken_back is how much of
    value is gone for good by refunds. due_at is when its hold ends, or a granted one expires.
    reserved is how much of budgets it takes: what was left of the value when it was decided on.
    ordered is what was ordered to be fulfilled, the last time; 0 where nothing was.
    """

    role: str
    beneficiary: str | None
    value_micros: Micros
    kind: str
    item: str | None = None
    status: str = ""
    entry_id: str = ""
    taken_back: Micros = 0
    due_at: Millis | None = None
    reserved: Micros = 0
    ordered: Micros = 0

    @property
    def remaining(self) -> Micros:
        """What is left of the value."""
        return self.value_micros - self.taken_back


class RewardCase(msgspec.Struct, frozen=True, array_like=True):
    """An action that earned, or was refused to: what all its entries say, and each side's reward.

    claim_id is the event_id of the claim, or of the milestone. decided_at is the earliest time at
    which it can have been decided. The last lines are what the policy said then: what the end of a
    hold does, for how long a grant is good, what refunds do; and the places reserved: those that
    the case has for itself (budgets, the order), and the limits that count the user.
    """

    action: str
    claim_id: str
    action_event_id: str
    action_time: Millis
    received_at: Millis
    basis: str
    sides: tuple[SideReward, ...]
    currency: str
    verdict: str
    score: int = 0
    evidence: tuple[Evidence, ...] = ()
    campaign_id: str | None = None
    campaign_version: int | None = None
    category: str | None = None
    channel: str | None = None
    touch_event_id: str | None = None
    root_reference: str | None = None
    origin_source: str | None = None
    order_id: str | None = None
    decided_at: Millis = 0
    hold_until: Millis | None = None
    at_holds_end: str = ""
    expires_after: Millis | None = None
    on_refund: str = ""
    counts_by_day: bool = False
    places: tuple[str, ...] = ()
    user_places: tuple[str, ...] = ()

    @property
    def day(self) -> int:
        """The UTC day of the action, counted from 1970."""
        return self.action_time // DAY

    @property
    def is_bonus(self) -> bool:
        """Whether it is a referrer's bonus for a milestone."""
        return self.basis == Role.MILESTONE

    @property
    def counts(self) -> bool:
        """Whether some side has earned, reversed since or not, or may yet, being held."""
        return any(side.status and side.status != RewardStatus.REJECTED for side in self.sides)

    @property
    def has_ended(self) -> bool:
        """Whether no side can change any more."""
        return all(side.status in ENDED for side in self.sides)

    def side(self, role: str) -> SideReward | None:
        """The side of a role, if it has one."""
        return next((side for side in self.sides if side.role == role), None)


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order, or what was paid back of one that isn't known yet (amount None).

    minimum is what was asked for as the least amount. paid_back adds up refunds by the currency
    that they gave, refunds are fingerprints of their events; is_paid_back: one said it was all.
    counted_as is the trigger towards which the order counts, and counted as how much; on_refund is
    what refunds do to that.
    """

    order_id: str
    amount_micros: Micros | None = None
    currency: str | None = None
    minimum_micros: Micros = 0
    paid_back: tuple[tuple[str | None, Micros], ...] = ()
    refunds: tuple[int, ...] = ()
    is_paid_back: bool = False
    counted_as: str = ""
    counted: int = 0
    on_refund: str = ""

    @property
    def refunded(self) -> Micros | None:
        """How much of the amount was paid back; None where nothing ever was.

        All of it by a refund without an amount. One in another currency can't be compared with the
        amount: it doesn't count.
        """
        if self.amount_micros is None:
            return None
        if self.is_paid_back:
            return self.amount_micros
        counted = [micros for currency, micros in self.paid_back if not self._is_foreign(currency)]
        return min(sum(counted), self.amount_micros) if counted else None

    @property
    def has_foreign_refund(self) -> bool:
        """Whether something was paid back in another currency than the order's."""
        return any(self._is_foreign(currency) for currency, _ in self.paid_back)

    def _is_foreign(self, currency: str | None) -> bool:
        is_known = self.amount_micros is not None
        return is_known and currency not in (None, self.currency)

    @property
    def left(self) -> Micros:
        """What is left of the amount."""
        return (self.amount_micros or 0) - (self.refunded or 0)


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Which record something is decided about, and its offset in the partition it came in by."""

    event_id: str
    offset: int


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A claim or a milestone, one of the two; its offset; and the answers to its checks.

    is_again: its order was decided on before, and earned nothing since the user earned enough;
    since is when its turn came.
    """

    offset: int
    claim: Claimed | None = None
    milestone: MilestoneChanged | None = None
    seen: tuple[SignalSeen, ...] = ()
    is_again: bool = False
    since: Millis = 0

    @property
    def event_id(self) -> str:
        """The event_id of the claim or milestone."""
        waiting = self.claim or self.milestone
        assert waiting is not None
        return waiting.event_id


class AssessedReward(msgspec.Struct, frozen=True, array_like=True):
    """What an action comes to, before or after it has its places under shared limits.

    case None: an order asks for its place so that it may count. places are asked for: those of the
    case itself, then those under limits that count users. amount is that of the order, None if
    there is none or it isn't to count as usual. threshold is what the count must be at least, for
    a reward that rests on one; waiting is what is decided on, origin is there while it asks.
    """

    case: RewardCase | None = None
    asked: tuple[str, ...] = ()
    amount_micros: Micros | None = None
    amount_currency: str | None = None
    threshold: Micros = 0
    waiting: Waiting | None = None
    origin: Origin | None = None

    @property
    def claim_id(self) -> str:
        """The event_id of the claim or milestone that it is about."""
        if self.case is not None:
            return self.case.claim_id
        assert self.waiting is not None
        return self.waiting.event_id


class WaitingCell(msgspec.Struct, frozen=True, array_like=True):
    """What waits, for which checks, and the event_id of what waits next."""

    waiting: Waiting | None = None
    unanswered: tuple[str, ...] = ()
    next_id: str = ""


class EndedSide(NamedTuple):
    """A side of an action whose reward a review declined or took back, in that currency."""

    role: str
    currency: str


class ActionCell(msgspec.Struct, frozen=True, array_like=True):
    """An action of a referral: its order if it is one, and its reward if it has one.

    skipped is there while the order earns nothing because the user earned often enough; threshold
    is what the count must be at least for the reward to stand, times how often it was decided on.
    previous and previous_skipped are actions: the next ones in the referral's lists.
    ended_by_review are the sides that are given nothing when the action is decided on again.
    """

    order: Order | None = None
    case: RewardCase | None = None
    skipped: Waiting | None = None
    previous: str = ""
    previous_skipped: str = ""
    threshold: Micros = 0
    times: int = 0
    ended_by_review: tuple[EndedSide, ...] = ()


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far the orders of a referral count towards rewards by number or amount.

    standing is how many orders count, or what they add up to in currency. given is how many rewards
    stand on that, and reached what the last of them needs.
    """

    trigger: str
    currency: str
    standing: int = 0
    given: int = 0
    reached: int = 0


class ReferralCell(msgspec.Struct, frozen=True, array_like=True):
    """One user under one code.

    signals are what the signup and the touch showed, in this order, seen the answers about them;
    signup_received_at is when the signup was received.
    first and last are those that wait, by event_id; asking is what asks for places. latest and
    skipped are the actions that begin the lists of rewards, and of orders that earned nothing only
    because the user earned often enough.

    used is how many rewards the user has earned of those that `repeats` allows, counted how many
    count under limits for users, qualified how many the referrer was granted and lost none of, by
    campaign: a code may move from one to another.
    """

    signals: tuple[Signals, ...] = ()
    seen: tuple[SignalSeen, ...] = ()
    touch_received_at: Millis | None = None
    touch_key_kind: str | None = None
    first: str = ""
    last: str = ""
    asking: AssessedReward | None = None
    latest: str = ""
    skipped: str = ""
    used: int = 0
    counted: int = 0
    qualified: tuple[tuple[str | None, int], ...] = ()
    progress: tuple[Progress, ...] = ()
    signup_received_at: Millis = 0

    def qualified_in(self, campaign_id: str | None) -> int:
        """How many rewards of the referral count for a campaign's milestones."""
        return dict(self.qualified).get(campaign_id, 0)

    def of(self, trigger: str, currency: str) -> Progress:
        """The progress towards rewards of a trigger."""
        found = (p for p in self.progress if (p.trigger, p.currency) == (trigger, currency))
        return next(found, Progress(trigger, currency))

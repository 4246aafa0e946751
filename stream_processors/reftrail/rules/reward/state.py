"""State of the reward stage: a code, its referrals, and their orders and rewards.

No cell grows with the number of orders. Rewards of a referral, claims that wait and skipped orders
are linked lists over cells.
"""

from typing import Final, NamedTuple

import msgspec

from reftrail.contracts.decisions import Claimed, RewardStatus, Role
from reftrail.contracts.record import DAY, Micros, Millis
from reftrail.contracts.stage_messages import MilestoneChanged
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours
from reftrail.rules.fraud.case import Evidence, Signals, SignalSeen
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.transitions import ENDED

LARGEST_SUM: Final = 2**63 - 1
"""To which amount amounts are added up at most: that of the largest order. More can't be packed."""


class CodeCell(msgspec.Struct, frozen=True, array_like=True):
    """The usage of a code.

    users is the number of users who earned, or will earn if what is held is granted; a reversal
    doesn't reduce it. hours and amounts are baselines: claims by hour, and the amounts of orders.
    claims counts the suspicious ones among the claims.
    """

    users: int = 0
    hours: Hours = Hours()
    amounts: Amounts = Amounts()
    claims: Claims = Claims()


class CountCell(msgspec.Struct, frozen=True, array_like=True):
    """A count under a key of its own.

    place is the place of the limit, where it has one. forget_at is set for the users of a code on a
    day: then that day's limit is forgotten.
    """

    count: int = 0
    place: str = ""
    forget_at: Millis | None = None


class Command(msgspec.Struct, frozen=True, array_like=True):
    """A mark that a review or report was carried out."""

    is_done: bool = False


class SideReward(msgspec.Struct, frozen=True, array_like=True):
    """One side's reward: its value and status.

    status is empty until it is decided. entry_id is the ledger entry that a later one supersedes:
    the last one that held or granted it, or says that fulfilment failed. taken_back is how much of
    value is gone for good by refunds. due_at is when its hold ends, or a granted one expires.
    reserved is how much of budgets it takes (`reward.budgets`).
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
        """The value without what refunds took."""
        return self.value_micros - self.taken_back


class RewardCase(msgspec.Struct, frozen=True, array_like=True):
    """An action that earned or was rejected: the common fields of its entries, and both sides.

    claim_id is the event_id of the claim or milestone. decided_at is the earliest time of the
    decision. The last fields are from the policy at that time: what follows the hold, how long a
    grant is good, and what refunds do. places are reserved for the case itself (budgets, the
    order), user_places under limits that count the user.
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


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """The record that is decided on, and its offset in its partition."""

    event_id: str
    offset: int


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A claim or a milestone in the queue, with its offset and the answers to its checks.

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
    """An assessed action, before or after its places under shared limits are reserved.

    case is None while an order asks for the place that lets it count. asked are the places to
    reserve. The amount is that of the order, for the code's baseline; None keeps it out. threshold
    is the count that the reward needs, if it rests on one. waiting is the claim that it is about,
    origin is set while it asks.
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
    """A claim or milestone in the queue, its unanswered checks, and the event_id of the next."""

    waiting: Waiting | None = None
    unanswered: tuple[str, ...] = ()
    next_id: str = ""


class EndedSide(NamedTuple):
    """A side of an action that a review declined or took back, and the reward's currency."""

    role: str
    currency: str


class SkippedCell(msgspec.Struct, frozen=True, array_like=True):
    """The place of a skipped order among the others of its user (`reward.skipped`).

    at and event_id are those of its claim, which say whose turn is first. left and right are
    actions, rank is how many steps to the right lead to the end.
    """

    at: Millis = 0
    event_id: str = ""
    left: str = ""
    right: str = ""
    rank: int = 0


class ActionCell(msgspec.Struct, frozen=True, array_like=True):
    """An action of a referral: its order, if it is one, and its reward, if it has one.

    skipped is the claim of an order that earns nothing because the user earned often enough.
    threshold is the count that the reward needs. times is the number of decisions on the action.
    previous is the next action in the referral's list of rewards. Sides in ended_by_review get
    nothing when the action is decided on again.
    """

    order: Order | None = None
    case: RewardCase | None = None
    skipped: Waiting | None = None
    previous: str = ""
    threshold: Micros = 0
    times: int = 0
    ended_by_review: tuple[EndedSide, ...] = ()


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """The count of a referral's orders towards rewards by number or amount.

    standing is the number of orders that count, or the sum of their amounts in currency. given is
    the number of rewards that this allows, reached the count that the last of them needs.
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
    first and last are those that wait, by event_id; asking is what asks for places. latest is the
    action that begins the list of rewards, skipped the first of the orders that earned nothing only
    because the user earned often enough.

    used counts the rewards towards `repeats`, counted those under limits that count users.
    qualified counts, by campaign, the referrer's rewards that were granted and not reversed: a code
    may change its campaign.
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
        """The number of the referral's rewards that count for a campaign's milestones."""
        return dict(self.qualified).get(campaign_id, 0)

    def of(self, trigger: str, currency: str) -> Progress:
        """The progress towards rewards of a trigger."""
        found = (p for p in self.progress if (p.trigger, p.currency) == (trigger, currency))
        return next(found, Progress(trigger, currency))

"""What the reward stage keeps: of a code how it is used, of each of its users what they earned."""

from collections.abc import Iterable
from typing import Final

import msgspec

from reftrail.contracts.decisions import Claimed, RewardStatus, Role
from reftrail.contracts.life import MilestoneChanged
from reftrail.contracts.record import DAY, Micros, Millis
from reftrail.rules.decider import fingerprint
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours
from reftrail.rules.fraud.case import Evidence, SignalSeen
from reftrail.rules.transitions import ENDED

MOST_DAYS: Final = 400
"""Of how many days users are counted, under a code with a limit for days: the latest ones."""

NEVER: Final[Millis] = -1
"""In place of a time that there is none of. Real times are not negative."""


class CodeLedger(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a code.

    users are how many different users earned, or will if what is held is granted; a reversal gives
    none back. days has the same by UTC day of action, where there is a limit for days. hours and
    amounts are what is usual: claims decided on by hour, and the orders among them. claims is how
    many of those claims were suspicious.
    """

    users: int = 0
    days: tuple[tuple[int, int], ...] = ()
    hours: Hours = Hours()
    amounts: Amounts = Amounts()
    claims: Claims = Claims()

    def on_day(self, day: int) -> int | None:
        """How many users count on a UTC day; None if that is so long ago that it is forgotten."""
        counted = dict(self.days)
        is_forgotten = len(counted) == MOST_DAYS and day < self.days[0][0]
        return None if is_forgotten else counted.get(day, 0)


class Side(msgspec.Struct, frozen=True, array_like=True):
    """One side's reward: what it is worth, and how it stands.

    status is empty until it is decided. entry_id is the ledger entry that a later one supersedes:
    the one that held or granted it, or says that fulfilment failed. taken_back is how much of value
    is gone for good by refunds. due_at is when its hold ends, or a granted one expires.
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

    @property
    def remaining(self) -> Micros:
        """What is left of the value."""
        return self.value_micros - self.taken_back


class Earning(msgspec.Struct, frozen=True, array_like=True):
    """An action that earned, or was refused to: what all its entries say, and each side's reward.

    claim_id is the event_id of the claim, or of the milestone. orders are those that it rests on;
    least_total_micros is what they must add up to, where that is the trigger. The last lines are
    what the policy said then: what the end of a hold does, for how long a grant is good, what
    refunds do; and the places taken under budgets.
    """

    action: str
    claim_id: str
    action_event_id: str
    action_time: Millis
    received_at: Millis
    basis: str
    sides: tuple[Side, ...]
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
    orders: tuple[str, ...] = ()
    least_total_micros: Micros = 0
    hold_until: Millis | None = None
    at_holds_end: str = ""
    expires_after: Millis | None = None
    on_refund: str = ""
    counts_by_day: bool = False
    budgets: tuple[str, ...] = ()

    @property
    def day(self) -> int:
        """The UTC day of the action, counted from 1970."""
        return self.action_time // DAY

    @property
    def is_bonus(self) -> bool:
        """Whether it is a referrer's bonus for a milestone."""
        return self.basis == Role.MILESTONE

    @property
    def stands(self) -> bool:
        """Whether some side has earned, reversed since or not, or may yet, being held."""
        return any(side.status and side.status != RewardStatus.REJECTED for side in self.sides)

    @property
    def has_ended(self) -> bool:
        """Whether no side can change any more."""
        return all(side.status in ENDED for side in self.sides)


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order that earned or counts towards it, and the least amount asked for then."""

    order_id: str
    amount_micros: Micros
    currency: str | None
    minimum_micros: Micros


class RefundSeen(msgspec.Struct, frozen=True, array_like=True):
    """A refund, kept because its order may be or become one that earns. None: all of it."""

    event_id: str
    order_id: str
    amount_micros: Micros | None = None
    currency: str | None = None


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Which record something is decided about, and its offset in the partition it came in by."""

    event_id: str
    offset: int


class Prospect(msgspec.Struct, frozen=True, array_like=True):
    """What an action comes to, before or after it has places under shared limits.

    orders are those that it rests on; with is_last nothing more can be earned by this user. amount
    is that of the order, None if there is none or it isn't to count as usual. places are those that
    it takes, or asks for, under limits that count users. origin is there while it asks.
    """

    earning: Earning
    orders: tuple[Order, ...] = ()
    is_last: bool = True
    amount_micros: Micros | None = None
    amount_currency: str | None = None
    places: tuple[str, ...] = ()
    origin: Origin | None = None


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A claim or a milestone that waits for its turn: one of the two; and its offset."""

    offset: int
    claim: Claimed | None = None
    milestone: MilestoneChanged | None = None

    @property
    def event_id(self) -> str:
        """By which it is known."""
        waiting = self.claim or self.milestone
        assert waiting is not None
        return waiting.event_id


class PairLedger(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of one user under one code.

    purchases is how many rewards purchases have made, forgotten ones included; up to
    forgotten_until some may be forgotten, and has_stood says whether any of those stood. orders are
    those that rewards rest on, and those that count towards the next.

    queue waits for evidence, or for asking: the claim that asks for places under shared limits.
    unanswered are the checks (claim_id, kind) that are under way, seen is what came of others.
    places are the ones held under limits that count users. commands are fingerprints of the last
    reviews, and of the reports that changed something, to know those again.
    """

    earnings: tuple[Earning, ...] = ()
    orders: tuple[Order, ...] = ()
    refunds: tuple[RefundSeen, ...] = ()
    purchases: int = 0
    queue: tuple[Waiting, ...] = ()
    asking: Prospect | None = None
    unanswered: tuple[tuple[str, str], ...] = ()
    seen: tuple[SignalSeen, ...] = ()
    places: tuple[str, ...] = ()
    commands: tuple[int, ...] = ()
    forgotten_until: Millis = NEVER
    has_stood: bool = False

    @property
    def stands(self) -> bool:
        """Whether the user has earned something for somebody, or is about to."""
        is_asking = self.asking is not None and not self.asking.earning.is_bonus
        if self.has_stood or is_asking:
            return True
        return any(one.stands and not one.is_bonus for one in self.earnings)

    def was_told(self, event_id: str) -> bool:
        """Whether this review or report came before."""
        return fingerprint(event_id) in self.commands

    @property
    def referrals(self) -> tuple[Earning, ...]:
        """What the user earned as one who was referred: all but bonuses as a referrer."""
        return tuple(one for one in self.earnings if not one.is_bonus)

    @property
    def rests_on(self) -> frozenset[str]:
        """The orders that rewards rest on which may still change."""
        asking = () if self.asking is None else self.asking.earning.orders
        changing = (one for one in self.earnings if not one.has_ended)
        return frozenset(asking).union(*(one.orders for one in changing))

    def standing_days(self) -> frozenset[int]:
        """The days that count under a limit for days."""
        counted = {
            one.day
            for one in self.earnings
            if one.counts_by_day and one.stands and not one.is_bonus
        }
        if self.asking is not None and self.asking.earning.counts_by_day:
            counted.add(self.asking.earning.day)
        return frozenset(counted)


def refunded(order: Order, refunds: Iterable[RefundSeen]) -> Micros | None:
    """How much of an order's amount was paid back; None where nothing ever was.

    All of it by a refund without an amount, or with one in another currency: what is left of the
    order can't be told then.
    """
    amounts = [
        order.amount_micros
        if refund.amount_micros is None or refund.currency not in (None, order.currency)
        else refund.amount_micros
        for refund in refunds
        if refund.order_id == order.order_id
    ]
    return sum(amounts) if amounts else None

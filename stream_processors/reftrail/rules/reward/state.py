"""State of the reward stage: a code, its referrals, and their orders and rewards.

No cell grows with the number of orders. Rewards of a referral, claims that wait and skipped orders
are linked lists over cells.
"""

from typing import NamedTuple

import msgspec

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.record import Micros, Millis
from reftrail.rules.decider import fingerprint
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours
from reftrail.rules.fraud.case import Signals, SignalSeen
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.queue import AssessedReward, Waiting


class CodeCell(msgspec.Struct, frozen=True, array_like=True):
    """The usage of a code.

    users is the number of users who earned, or will earn if what is held is granted; a reversal
    doesn't reduce it. hours and amounts are baselines: claims by hour, and the amounts of orders.
    claims counts the suspicious ones among the claims. qualified counts by campaign the referrals
    that count for its milestones and tiers.
    """

    users: int = 0
    hours: Hours = Hours()
    amounts: Amounts = Amounts()
    claims: Claims = Claims()
    qualified: tuple[tuple[str | None, int], ...] = ()

    def qualified_in(self, campaign_id: str | None) -> int:
        """The number of the code's referrals that count for a campaign's tiers."""
        return dict(self.qualified).get(campaign_id, 0)


class CountCell(msgspec.Struct, frozen=True, array_like=True):
    """A count under a key of its own.

    reservation is that under the limit, where it has one. forget_at is set for the users of a code
    on a day: then that day's limit is forgotten.
    """

    count: int = 0
    reservation: str = ""
    forget_at: Millis | None = None


class Command(msgspec.Struct, frozen=True, array_like=True):
    """A mark that a review or report was carried out."""

    is_done: bool = False


class KnownUser(msgspec.Struct, frozen=True, array_like=True):
    """A user who is known to be the user of a referral, where its own cell is full.

    previous is the user who became known before; in the cell of nobody, the latest of all.
    """

    is_known: bool = False
    previous: str = ""


class EarlyDecision(msgspec.Struct, frozen=True, array_like=True):
    """A decision about an adjustment that waits, and its offset in its partition."""

    decided: AdjustmentDecided
    offset: int


class AdjustmentCell(msgspec.Struct, frozen=True, array_like=True):
    """An adjustment by hand as it was asked for, and its last ledger entry.

    prepared is its first entry while it is asked whether it needs approval, early the decision that
    came meanwhile.
    """

    asked: Adjusted | None = None
    entry: RewardDecided | None = None
    prepared: RewardDecided | None = None
    early: EarlyDecision | None = None


class EndedSide(NamedTuple):
    """A side of an action that a review declined or took back, and the reward's currency.

    carried is its id where that was under another referral of the user, which merging has ended.
    """

    role: str
    currency: str
    carried: str = ""


class CarriedPlace(NamedTuple):
    """A user's place under a limit that counts users, carried from a referral that has ended.

    received_at is the receipt of the action that took it. key and most are those of the limit that
    referrers share; without a key it is the user's place under the code, and on a UTC day too
    unless day is -1.
    """

    received_at: Millis
    day: int
    key: str = ""
    most: int = 0


class SkippedCell(msgspec.Struct, frozen=True, array_like=True):
    """The position of a skipped order among the others of its user (`reward.skipped`).

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
    nothing when the action is decided on again. refused is the claim of a signup that was refused
    as another user's, with the answers to its checks; of an order, only these answers. seen are the
    answers about the signals of an order, without the claim's id (`carried_evidence.py`). places
    are those that an action keeps which a review or refund took back before a merge; with
    has_left_places this referral has ended since, and another one has them.
    """

    order: Order | None = None
    case: RewardCase | None = None
    skipped: Waiting | None = None
    previous: str = ""
    threshold: Micros = 0
    times: int = 0
    ended_by_review: tuple[EndedSide, ...] = ()
    refused: Waiting | None = None
    seen: tuple[SignalSeen, ...] = ()
    places: tuple[CarriedPlace, ...] = ()
    has_left_places: bool = False


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """The count of a referral's orders towards rewards by number or amount.

    standing is the number of orders that count, or the sum of their amounts in currency. given is
    the number of rewards that this allows, reached the count that the last of them needs. carried
    is the highest number whose reward a review has ended under a referral before a merge.
    """

    trigger: str
    currency: str
    standing: int = 0
    given: int = 0
    reached: int = 0
    carried: int = 0


class Begun(msgspec.Struct, frozen=True, array_like=True):
    """The first rewards of a referral in a campaign that weren't rejected.

    number is that of the referral when it got the first one, first_order the fingerprint of the
    action of the first order that earned.
    """

    campaign_id: str | None
    number: int = 0
    first_order: int = 0


class ReferralCell(msgspec.Struct, frozen=True, array_like=True):
    """One user under one code.

    signals are what the signup and the touch showed, in this order, seen the answers about them;
    signup_received_at is when the signup was received. first and last are those that wait, by
    event_id; requested is the reward that asks for reservations. latest is the action that begins
    the list of rewards, skipped the first of the orders that earned nothing only because the user
    earned often enough. turns counts those that wait again, each for a turn that came free.

    used counts the rewards towards `repeats`, counted those under limits that count users.
    qualified counts, by campaign, the referrer's rewards that were granted and not reversed: a code
    may change its campaign. It may change its owner too: qualified_of counts them by campaign and
    by the fingerprint of the beneficiary; older state has them in qualified alone. begun has the
    first rewards in each campaign. is_merged: the user was merged with another, and the other
    referral is left, or with the code's owner, and none is. users are others who are known to be
    the user: the account that the user was merged into, and those merged into it. Where there are
    very many, the others have cells of their own (`known_users.py`).
    """

    signals: tuple[Signals, ...] = ()
    seen: tuple[SignalSeen, ...] = ()
    touch_received_at: Millis | None = None
    touch_key_kind: str | None = None
    first: str = ""
    last: str = ""
    requested: AssessedReward | None = None
    latest: str = ""
    skipped: str = ""
    used: int = 0
    counted: int = 0
    qualified: tuple[tuple[str | None, int], ...] = ()
    progress: tuple[Progress, ...] = ()
    signup_received_at: Millis = 0
    turns: int = 0
    begun: tuple[Begun, ...] = ()
    is_merged: bool = False
    qualified_of: tuple[tuple[str | None, int, int], ...] = ()
    users: tuple[str, ...] = ()

    def begun_in(self, campaign_id: str | None) -> Begun:
        """The first rewards in a campaign."""
        for begun in self.begun:
            if begun.campaign_id == campaign_id:
                return begun
        return Begun(campaign_id)

    def qualified_in(self, campaign_id: str | None) -> int:
        """The number of the referral's rewards that count for a campaign's milestones."""
        return dict(self.qualified).get(campaign_id, 0)

    def qualified_by(self, campaign_id: str | None, beneficiary: str | None) -> int:
        """The number of these rewards that count for one beneficiary: all but those of others."""
        if not self.qualified_of:
            return self.qualified_in(campaign_id)
        own = fingerprint(beneficiary or "")
        others = (
            count
            for campaign, whose, count in self.qualified_of
            if campaign == campaign_id and whose != own
        )
        return self.qualified_in(campaign_id) - sum(others)

    def of(self, trigger: str, currency: str) -> Progress:
        """The progress towards rewards of a trigger."""
        found = (p for p in self.progress if (p.trigger, p.currency) == (trigger, currency))
        return next(found, Progress(trigger, currency))

"""Truth: the decisions expected of the pipeline, worked out a second time in another way.

The rules decide event by event, from what they have kept. This looks at a visitor's whole history
at once, with plain lists and dicts, and shares no code with them: where both agree, a mistake
would have to be in the reading of the specification, not in how it is carried out.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from reftrail.contracts.record import MICROS_PER_UNIT, MINUTE, Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.simulator.attributions import Attribution, Referrers
from reftrail.simulator.by_hand import Booking
from reftrail.simulator.final_status import GRANTED, REJECTED, Amount, FinalStatus, RewardKey
from reftrail.simulator.invoices import Span, months_later, shares_of_invoices
from reftrail.simulator.journey import BOT
from reftrail.simulator.occurrence import Step
from reftrail.simulator.orders import objections, outcomes_of_orders
from reftrail.simulator.programme import ARMS, FRIENDS, PARTNERS, Programme

CHECKOUT: Final[Millis] = 15 * MINUTE
"""The time before the signup within which an order earns for a code typed in with it."""

Cell: TypeAlias = tuple[str, str | None]
"""A column of a report, and the code of a line, or None for what belongs to none."""

UNDER_THEIR_OWN_CODE: Final = {
    "view": "views",
    "click": "clicks",
    "form_started": "forms_started",
}
UNDER_THE_USERS_CODE: Final = {"signup": "signups", "purchase": "purchases"}


@dataclass(slots=True)
class Limit:
    """A code whose uses are limited: the users who may earn through it, of whom `most` do.

    Who comes first is decided by the pipeline: users are independent of one another. `unsure` are
    those of the users whose every order is paid back: a user whose refunds arrive before the
    signup never earns, and leaves the place to another one.
    """

    most: int
    users: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)

    @property
    def expected(self) -> range:
        """The possible numbers of users who earn: within the limit, and not fewer than can."""
        fewest = min(self.most, len(self.users - self.unsure))
        return range(fewest, min(self.most, len(self.users)) + 1)


@dataclass(slots=True)
class Truth:
    """The expected outcome of what was sent.

    distinct counts events, and fingerprint is the sum of their ids' `identity`: equal for the same
    set of events, in whatever order. counts are what a report ought to show under a code, or under
    none: views, clicks and forms of people under the code that they name, signups, purchases and
    attributed users under the code that the user is attributed to. rewards has each reward's last
    status, and amounts what it is worth if it is granted; for codes in limits they say what a user
    gets who is among the first. Those in paid_back are for orders that were refunded: if purchase
    and refund wait for their user's signup, the order isn't decided on at all, neither granted nor
    rejected. Of those in by_sum only the sum is known: what entries lead to it, arrival decides.

    people has the accounts that were merged, with the one that they are merged into: attributions
    and rewards are under its name, and a person signs up once. Whatever else they earned under a
    code in ended was taken back. Of the people of one group in rivals, who have one e-mail address,
    one earns. by_hand are the adjustments by hand that must be booked.
    """

    programme: Programme
    distinct: int = 0
    fingerprint: int = 0
    counts: Counter[Cell] = field(default_factory=Counter)
    attributions: dict[str, Attribution] = field(default_factory=dict)
    rewards: dict[RewardKey, FinalStatus] = field(default_factory=dict)
    amounts: dict[RewardKey, Amount] = field(default_factory=dict)
    paid_back: set[RewardKey] = field(default_factory=set)
    by_sum: set[RewardKey] = field(default_factory=set)
    limits: dict[str, Limit] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    ended: set[tuple[str, str]] = field(default_factory=set)
    rivals: list[frozenset[str]] = field(default_factory=list)
    by_hand: dict[RewardKey, Booking] = field(default_factory=dict)

    def add(self, steps: Sequence[Step]) -> None:
        """Take in the whole history of one person, in the order of sending."""
        history = _distinct(steps)
        self.distinct += len(history)
        self.fingerprint += sum(identity(step.event.event_id) for step in history)
        is_anybody = False
        for step in history:
            event = step.event
            is_anybody = is_anybody or event.user_id is not None
            if event.type in UNDER_THEIR_OWN_CODE and event.user_agent != BOT:
                self.counts[UNDER_THEIR_OWN_CODE[event.type], event.code] += 1
        if is_anybody:
            for person, users in _accounts(history).items():
                self._add_person(person, users, history)
            self.rivals += self._with_one_address(history)

    def person(self, user: str) -> str:
        """The account that a user was merged into; else the user."""
        return self.people.get(user, user)

    def funnel(self, granted: Collection[RewardKey] = ()) -> Counter[Cell]:
        """The expected report by code: counts, and the rewards that were granted.

        granted are the rewards that were, where that depends on what came first: users under codes
        in limits, refunds of orders that waited for their user's signup, and people with several
        accounts.
        """
        counts: Counter[Cell] = Counter()
        rivals = frozenset().union(*self.rivals)
        for key in granted:
            status = self.rewards.get(key)
            is_known = status is not None and status.status != REJECTED
            if is_known or self.person(key.user_id) in self.people:
                counts["rewards_granted", key.code] += 1
        for key, status in self.rewards.items():
            is_free = key.code in self.limits or key.user_id in rivals or key in self.by_sum
            if status.status == GRANTED and key not in granted and not is_free:
                counts["rewards_granted", key.code] += 1
        return self.counts + counts

    def _add_person(self, person: str, users: Sequence[str], history: Sequence[Step]) -> None:
        """Take in what a person did under all accounts; of several signups the earliest decides."""
        steps = [step for step in history if step.event.user_id in users]
        signups = [step.event for step in steps if step.event.type == "signup"]
        signup = min(signups, key=lambda event: (event.event_time, event.event_id), default=None)
        decided = {user: Referrers(self.programme).of(user, history) for user in users}
        before, by = decided[signup.user_id or ""] if signup else (None, None)
        is_merged = list(users) != [person]
        if is_merged:
            self.people |= dict.fromkeys((*users, person), person)
            self.ended |= {
                (attribution.code, person)
                for _, attribution in decided.values()
                if attribution is not None
            }
        for step in steps:
            column = UNDER_THE_USERS_CODE.get(step.event.type)
            is_second = step.event.type == "signup" and step.event is not signup
            if column is not None and not is_second:
                self.counts[column, by and by.code] += 1
        if by is None or signup is None:
            return
        self.counts["attributed", by.code] += 1
        self.attributions[person] = by
        self._judge(person, by, steps, signup.event_time)
        if before is not None and self.programme.campaign_of(before.code).trigger == "signup":
            self._judge(person, before, steps, signup.event_time)  # its rejection stays

    def _with_one_address(self, history: Sequence[Step]) -> Iterator[frozenset[str]]:
        """The people with one e-mail address, for each that several have."""
        people: dict[str, set[str]] = {}
        for step in history:
            event = step.event
            if event.type == "signup" and event.email is not None and event.user_id is not None:
                people.setdefault(event.email, set()).add(self.person(event.user_id))
        return (frozenset(those) for those in people.values() if len(those) > 1)

    def _judge(
        self, user: str, by: Attribution, steps: Sequence[Step], signed_up_at: Millis
    ) -> None:
        code = self.programme.codes.get(by.code)
        if code is None:
            self.rewards[RewardKey(by.code, user, "referee")] = FinalStatus(
                REJECTED, ("unknown_code",)
            )
            return
        campaign = self.programme.campaigns[code.campaign_id]
        if campaign.campaign_id == PARTNERS:
            self._judge_invoices(user, by, steps, signed_up_at)
            return
        paid_back: set[str] = set()
        if campaign.trigger == "first_purchase":
            events = [step.event for step in steps]
            outcomes, paid_back = outcomes_of_orders(events, _since(by), campaign, code, user)
        else:
            reasons = objections(code, campaign, user, signed_up_at)
            outcomes = {
                "signup": FinalStatus(REJECTED, reasons) if reasons else FinalStatus(GRANTED)
            }
        if code.max_uses is not None and any(v.status != REJECTED for v in outcomes.values()):
            limit = self.limits.setdefault(by.code, Limit(code.max_uses))
            limit.users.add(user)
            if not any(verdict.status == GRANTED for verdict in outcomes.values()):
                limit.unsure.add(user)
        for role, amount in _values(campaign).items():
            for action, verdict in outcomes.items():
                key = RewardKey(by.code, user, role, action)
                self.rewards[key], self.amounts[key] = verdict, amount
                if user in self.people:
                    self.by_sum.add(key)
            self.paid_back |= {RewardKey(by.code, user, role, action) for action in paid_back}

    def _judge_invoices(
        self, user: str, by: Attribution, steps: Sequence[Step], signed_up_at: Millis
    ) -> None:
        """Judge the orders of a user who came by a partner's code: each one earns its share."""
        code = self.programme.codes[by.code]
        campaign = self.programme.campaigns[code.campaign_id]
        span = Span(_since(by), months_later(signed_up_at))
        for action, share in shares_of_invoices(steps, span, campaign, code, user).items():
            key = RewardKey(by.code, user, "referrer", action)
            self.rewards[key], self.amounts[key] = share.status, share.amount
            self.by_sum.add(key)
            if share.is_paid_back:
                self.paid_back.add(key)


def identity(event_id: str) -> int:
    """The random end of a UUIDv7 as a number: 62 bits that no two of the events have in common."""
    return int(event_id[19:].replace("-", ""), 16)


def _distinct(steps: Sequence[Step]) -> list[Step]:
    first = {step.event.event_id: step for step in reversed(steps)}
    return [step for step in steps if first[step.event.event_id] is step]


def _since(by: Attribution) -> Millis:
    """Time since which a user's orders earn: the touch, or the checkout with the typed code."""
    return by.touch_time - (CHECKOUT if by.basis == "typed_code" else 0)


def _accounts(history: Sequence[Step]) -> dict[str, list[str]]:
    """The accounts of each person in a history, by the one that they were merged into at last."""
    merges = {
        step.event.user_id: step.event.merged_into
        for step in history
        if step.event.merged_into is not None
    }
    accounts: dict[str, list[str]] = {}
    for user in sorted({step.event.user_id for step in history} - {None}, key=str):
        if user is not None:
            accounts.setdefault(merges.get(user) or user, []).append(user)
    return accounts


def _values(campaign: CampaignDefined) -> dict[str, Amount]:
    """The values of the sides of a campaign that pays values."""
    values = {
        "referrer": campaign.referrer_reward_micros,
        "referee": campaign.referee_reward_micros,
    }
    arms = ARMS if campaign.campaign_id == FRIENDS else {}
    return {
        role: Amount(
            campaign.reward_currency,
            {name: units[role] * MICROS_PER_UNIT for name, units in arms.items()} or {None: value},
        )
        for role, value in values.items()
        if value > 0
    }

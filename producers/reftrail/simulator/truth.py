"""What the pipeline ought to conclude, worked out a second time and in another way.

The rules decide event by event, from what they have kept. This looks at a visitor's whole history
at once, with plain lists and dicts, and shares no code with them: where both agree, a mistake
would have to be in the reading of the specification, not in how it is carried out.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from reftrail.contracts.record import MICROS_PER_UNIT, MINUTE, Micros, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.simulator.journeys import BOT
from reftrail.simulator.occurrence import Occurrence, Step
from reftrail.simulator.programme import Programme

GRANTED: Final = "granted"
REVERSED: Final = "reversed"
REJECTED: Final = "rejected"
USED_UP: Final = "code_used_up"
CHECKOUT: Final[Millis] = 15 * MINUTE
"""How long before the signup an order may lie that a code typed in with it still earns."""

Cell: TypeAlias = tuple[str, str | None]
"""A column of a report, and the code of a line, or None for what belongs to none."""

UNDER_THEIR_OWN_CODE: Final = {
    "view": "views",
    "click": "clicks",
    "form_started": "forms_started",
}
UNDER_THE_USERS_CODE: Final = {"signup": "signups", "purchase": "purchases"}


class Attribution(NamedTuple):
    """Who referred a user: by which code, on what grounds, through which touch."""

    code: str
    basis: str
    touch_event_id: str | None
    touch_time: Millis


class RewardKey(NamedTuple):
    """What at most one ledger entry may be in force for. action is signup, or names the order."""

    code: str
    user_id: str
    role: str
    action: str = "signup"


class FinalStatus(NamedTuple):
    """How a reward stands in the end, and why it was rejected, if it was.

    Whether the code was also used up then is left out: that depends on who came first.
    """

    status: str
    reasons: tuple[str, ...] = ()


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
    status; for codes in limits it says what a user gets who is among the first. Those in paid_back
    are for orders that were refunded: if purchase and refund wait for their user's signup, the
    order isn't decided on at all, neither granted nor rejected.
    """

    programme: Programme
    distinct: int = 0
    fingerprint: int = 0
    counts: Counter[Cell] = field(default_factory=Counter)
    attributions: dict[str, Attribution] = field(default_factory=dict)
    rewards: dict[RewardKey, FinalStatus] = field(default_factory=dict)
    paid_back: set[RewardKey] = field(default_factory=set)
    limits: dict[str, Limit] = field(default_factory=dict)

    def add(self, steps: Sequence[Step]) -> None:
        """Take in the whole history of one visitor, in the order of sending."""
        history = _distinct(steps)
        self.distinct += len(history)
        self.fingerprint += sum(identity(step.event.event_id) for step in history)
        events = [step.event for step in history]
        users = {event.user_id for event in events if event.user_id is not None}
        by = self._attribution(history)
        for event in events:
            if event.type in UNDER_THEIR_OWN_CODE and event.user_agent != BOT:
                self.counts[UNDER_THEIR_OWN_CODE[event.type], event.code] += 1
            if event.type in UNDER_THE_USERS_CODE:
                self.counts[UNDER_THE_USERS_CODE[event.type], by and by.code] += 1
        if by is not None:
            (user,) = users
            self.counts["attributed", by.code] += 1
            self.attributions[user] = by
            self._judge(user, by, events)

    def funnel(self, granted: Collection[RewardKey] = ()) -> Counter[Cell]:
        """What a report by code ought to show: counts, and the rewards that were granted.

        granted are the rewards that were, where that depends on what came first: users under codes
        in limits, and refunds of orders that waited for their user's signup.
        """
        counts: Counter[Cell] = Counter()
        for key, verdict in self.rewards.items():
            is_sure = verdict.status == GRANTED and key.code not in self.limits
            if is_sure or (verdict.status != REJECTED and key in granted):
                counts["rewards_granted", key.code] += 1
        return self.counts + counts

    def _attribution(self, history: Sequence[Step]) -> Attribution | None:
        """Who referred the user whom this visitor became; None also if they became none."""
        nth = next((at for at, step in enumerate(history) if step.event.type == "signup"), None)
        if nth is None:
            return None
        signup = history[nth].event
        in_time = [step.event for step in history[:nth] if self._is_touch(step.event)]
        touch = self._first_touch(in_time, signup.event_time)
        typed = signup.code
        if typed is not None and (touch is None or self._typed_code_wins(typed)):
            return Attribution(typed, "typed_code", None, signup.event_time)
        late = self._late_touch(in_time, history[nth + 1 :], signup.event_time)
        if touch is not None and touch.code is not None:
            if late is not None and self._pays_later(touch.code):
                return late
            return Attribution(touch.code, "first_touch", touch.event_id, touch.event_time)
        return late

    def _late_touch(
        self, in_time: Sequence[Occurrence], later: Sequence[Step], at: Millis
    ) -> Attribution | None:
        """The attribution by a touch that would have been the first, had it not come in late."""
        for step in later:
            late = step.event
            if (
                self._is_touch(late)
                and late.code is not None
                and not step.straggler
                and self._first_touch([*in_time, late], at) is late
            ):
                return Attribution(late.code, "late_touch", late.event_id, late.event_time)
        return None

    def _pays_later(self, code: str) -> bool:
        """Whether nothing is earned with the signup, so that a decision can still be corrected.

        Where the decision can be, the simulated user buys nothing.
        """
        return self.programme.campaign_of(code).trigger != "signup"

    def _is_touch(self, event: Occurrence) -> bool:
        if event.type not in {"view", "click"} or event.user_agent == BOT:
            return False
        if event.code is None or event.code not in self.programme.codes:
            return False
        return event.type == "click" or self.programme.campaign_of(event.code).counts_views

    def _first_touch(self, touches: Sequence[Occurrence], at: Millis) -> Occurrence | None:
        """The touch that counts at a time: the first of all, or the first after that ran out."""
        first, until = None, -1
        for touch in sorted(touches, key=lambda one: (one.event_time, one.event_id)):
            if until < touch.event_time <= at and touch.code is not None:
                first = touch
                window = self.programme.campaign_of(touch.code).attribution_window_ms
                until = touch.event_time + window
        return first if until >= at else None

    def _typed_code_wins(self, code: str) -> bool:
        return code in self.programme.codes and self.programme.campaign_of(code).typed_code_wins

    def _judge(self, user: str, by: Attribution, events: Sequence[Occurrence]) -> None:
        code = self.programme.codes.get(by.code)
        if code is None:
            self.rewards[RewardKey(by.code, user, "referee")] = FinalStatus(
                REJECTED, ("unknown_code",)
            )
            return
        campaign = self.programme.campaigns[code.campaign_id]
        paid_back: set[str] = set()
        if campaign.trigger == "first_purchase":
            outcomes, paid_back = _of_orders(events, _since(by), campaign, code, user)
        else:
            signup = next(event for event in events if event.type == "signup")
            reasons = _objections(code, campaign, user, signup.event_time)
            outcomes = {
                "signup": FinalStatus(REJECTED, reasons) if reasons else FinalStatus(GRANTED)
            }
        if code.max_uses is not None and any(v.status != REJECTED for v in outcomes.values()):
            limit = self.limits.setdefault(by.code, Limit(code.max_uses))
            limit.users.add(user)
            if not any(verdict.status == GRANTED for verdict in outcomes.values()):
                limit.unsure.add(user)
        values = {
            "referrer": campaign.referrer_reward_micros,
            "referee": campaign.referee_reward_micros,
        }
        for role, value in values.items():
            if value > 0:
                for action, verdict in outcomes.items():
                    self.rewards[RewardKey(by.code, user, role, action)] = verdict
                self.paid_back |= {RewardKey(by.code, user, role, one) for one in paid_back}


def identity(event_id: str) -> int:
    """The random end of a UUIDv7 as a number: 62 bits that no two of the events have in common."""
    return int(event_id[19:].replace("-", ""), 16)


def _distinct(steps: Sequence[Step]) -> list[Step]:
    first = {step.event.event_id: step for step in reversed(steps)}
    return [step for step in steps if first[step.event.event_id] is step]


def _objections(
    code: CodeChanged, campaign: CampaignDefined, user: str, at: Millis
) -> tuple[str, ...]:
    """Why a deed earns nothing."""
    reasons = []
    if code.status != "active":
        reasons.append("code_inactive")
    if code.expires_at is not None and at >= code.expires_at:
        reasons.append("code_expired")
    starts, ends = campaign.starts_at, campaign.ends_at
    if (starts is not None and at < starts) or (ends is not None and at >= ends):
        reasons.append("campaign_not_running")
    if code.owner_user_id == user:
        reasons.append("self_referral")
    return tuple(reasons)


def _of_orders(
    events: Sequence[Occurrence],
    since: Millis,
    campaign: CampaignDefined,
    code: CodeChanged,
    user: str,
) -> tuple[dict[str, FinalStatus], set[str]]:
    """What becomes of a user's orders, in the order of sending: one at a time earns.

    The first one that stands earns; if it is paid back, the earliest other one that stands. Beside
    the outcomes, by action: those of orders that no longer stand.
    """
    orders: dict[str, Occurrence] = {}
    outcomes: dict[str, FinalStatus] = {}

    def stands(order_id: str) -> bool:
        return _stands(orders[order_id], seen, campaign.minimum_amount_micros)

    seen: list[Occurrence] = []
    for event in events:
        seen.append(event)
        if event.order_id is None or event.type not in ("purchase", "refund"):
            continue
        if event.type == "purchase" and event.event_time >= since:
            orders.setdefault(event.order_id, event)
        action = f"purchase:{event.order_id}"
        if outcomes.get(action, _NONE).status == GRANTED and not stands(event.order_id):
            outcomes[action] = FinalStatus(REVERSED)
        for order_id in sorted(orders, key=lambda one: _when(orders[one])):
            is_earning = any(verdict.status == GRANTED for verdict in outcomes.values())
            name = f"purchase:{order_id}"
            if is_earning or name in outcomes or not stands(order_id):
                continue
            reasons = _objections(code, campaign, user, orders[order_id].event_time)
            outcomes[name] = FinalStatus(REJECTED, reasons) if reasons else FinalStatus(GRANTED)
    fallen = {f"purchase:{order_id}" for order_id in orders if not stands(order_id)}
    return outcomes, fallen & outcomes.keys()


def _since(by: Attribution) -> Millis:
    """From when on a user's orders earn: the touch, or the checkout at which the code was typed."""
    return by.touch_time - (CHECKOUT if by.basis == "typed_code" else 0)


_NONE: Final = FinalStatus("")


def _when(event: Occurrence) -> tuple[Millis, str]:
    return event.event_time, event.event_id


def _stands(order: Occurrence, seen: Sequence[Occurrence], minimum: Micros) -> bool:
    """Whether an order earns by what is left of it, as far as is known by now."""
    refunds = [
        _paid(order) if other.amount is None else _paid(other)
        for other in seen
        if other.type == "refund" and other.order_id == order.order_id
    ]
    left = _paid(order) - sum(refunds)
    return _paid(order) >= minimum if not refunds else left >= max(minimum, 1)


def _paid(event: Occurrence) -> Micros:
    return int(Decimal(event.amount or 0) * MICROS_PER_UNIT)

"""Small programmes in which rewards live whole lives: held, reviewed, fulfilled, refunded, expired.

A plan is drawn as numbers. What it comes to depends on what is there when its turn comes: a review
is about some reward of the ledger, a report about some order to fulfil. So a plan is made into
inputs once, by playing it; these can then be replayed in other manners.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st
from property.plan_step import Step
from property.programmes import Manner

from reftrail.contracts.decisions import RewardDecided, RewardGranted, RewardStatus
from reftrail.contracts.events import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Purchase,
    Refund,
    Signup,
)
from reftrail.contracts.external_inputs import (
    FulfilmentOutcome,
    FulfilmentReported,
    ReviewDecision,
    Reviewed,
    Ticked,
)
from reftrail.contracts.policy import (
    Caps,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    EVENTS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
    TICKS,
)
from reftrail.rules.decider import derived_id
from reftrail.rules.fraud.checks import REASONS
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

UNIT: Final = MICROS_PER_UNIT
USERS: Final = 5
TYPED: Final = ("J1", "B1", "J2", "B2", "J1", "B1", "J3")
OWNERS: Final = {"J1": "ann", "J2": "ann", "J3": "ben", "B1": "ann", "B2": "ben"}
CAMPAIGN_OF: Final = {"J1": "join", "J2": "join", "J3": "join", "B1": "buy", "B2": "buy"}
JOIN: Final = Caps(per_referrer=2, budget_micros=65 * UNIT, per_code_per_day=1)
BUY: Final = Caps(
    per_code=2,
    per_referrer_per_day=1,
    budget_per_day_micros=50 * UNIT,
    budget_micros=70 * UNIT,
)
NO_CAPS: Final = Caps()
PLAINLY: Final = Manner()
MOST_USES: Final = {"J3": 1}


SUSPECTS: Final = {"disposable_email": 60}
ONLY_ADDRESSES: Final = dict.fromkeys(REASONS, 0) | SUSPECTS
"""Weights under which what one user gets doesn't depend on what others did before."""


def _bonus(currency: str) -> Milestone:
    return Milestone(
        name="pair",
        kind=MilestoneKind.BONUS,
        grants=2,
        value_micros=5 * UNIT,
        currency=currency,
    )


def campaigns(*, capped: bool = True) -> tuple[CampaignDefined, ...]:
    """One that pays on signup and holds suspects, one that pays twice on purchases, after a day."""
    join = Policy(
        caps=JOIN if capped else NO_CAPS,
        fraud=Fraud(weights=SUSPECTS if capped else ONLY_ADDRESSES, review_for=8 * HOUR),
        expires_after=2 * DAY,
        milestones=[_bonus("USD")],
    )
    buy = Policy(
        caps=BUY if capped else NO_CAPS,
        repeats=2,
        hold_for=6 * HOUR,
        on_refund=OnRefund.PROPORTIONAL,
        fraud=Fraud(weights={} if capped else ONLY_ADDRESSES),
        milestones=[_bonus("points")],
    )
    return (
        campaign("join", policy=policy_text(join)),
        campaign("buy", policy=policy_text(buy), trigger=Trigger.FIRST_PURCHASE),
    )


def codes(*, capped: bool = True) -> tuple[CodeChanged, ...]:
    """Two referrers' codes in both campaigns."""
    return tuple(
        code(name, owner=owner, campaign_id=CAMPAIGN_OF[name])
        if not capped
        else code(name, owner=owner, campaign_id=CAMPAIGN_OF[name], max_uses=MOST_USES.get(name))
        for name, owner in OWNERS.items()
    )


class Input(NamedTuple):
    """A record that comes from outside; of a tick there is one for each partition."""

    topic: Topic
    record: Record


_KINDS: Final = (
    ["signup"] * 4
    + ["purchase"] * 4
    + ["refund"] * 4
    + ["dispute"] * 3
    + ["tick"] * 3
    + ["review"] * 3
    + ["report"] * 2
)


def _long_plan(seed: int) -> list[Step]:
    """A plan in which much happens: those that are drawn step by step tend to be dull."""
    rng = Random(seed)
    return [
        Step(rng.choice(_KINDS), rng.randrange(12), rng.randrange(12), rng.randrange(12))
        for _ in range(rng.randrange(30, 60))
    ]


_numbers = st.integers(0, 11)
_steps = st.builds(Step, st.sampled_from(_KINDS), _numbers, _numbers, _numbers)
plans = st.lists(_steps, min_size=5, max_size=40) | st.integers(0, 2**32).map(_long_plan)


def inputs_of(plan: Sequence[Step], *, capped: bool = True) -> list[Input]:
    """The records of a plan, played step by step: an hour each, of which ticks skip some."""
    host = _host(Manner(), capped=capped)
    made: list[Input] = []
    now = FIRST_DAY
    for nth, step in enumerate(plan):
        now += HOUR * (1 + step.one if step.what == "tick" else 1)
        found = _input(step, f"{nth}", now, host)
        if found is not None:
            made.append(found)
            _publish(host, found)
            host.run()
    return made


def played(inputs: Iterable[Input], manner: Manner = PLAINLY, *, capped: bool = True) -> MemoryHost:
    """A host to which inputs came, several at a time where the manner draws."""
    host = _host(manner, capped=capped)
    rng = Random(manner.seed)
    for input_ in inputs:
        _publish(host, input_)
        if manner.seed is None or rng.random() < 0.4:
            host.run()
    return host.run()


def went_on(host: MemoryHost, inputs: Iterable[Input]) -> MemoryHost:
    """The same host after more inputs came, each when all before had been decided on."""
    for input_ in inputs:
        _publish(host, input_)
        host.run()
    return host


def ledger(host: MemoryHost) -> list[RewardDecided]:
    """All entries, those of one reward in order."""
    return [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]


def to_fulfil(host: MemoryHost) -> list[RewardGranted]:
    """All orders to fulfil."""
    return [grant for grant in host.log(REWARD_GRANTED) if isinstance(grant, RewardGranted)]


def tick_at(time: Millis, name: str) -> Input:
    """A tick for all partitions."""
    tick = Ticked(
        event_id=f"tick {name}", event_time=time, received_at=time, partition=0, partitions=1
    )
    return Input(TICKS, tick)


def review_of(entry: RewardDecided, decision: str, time: Millis, name: str, *, only: bool) -> Input:
    """A review of a reward, or of all of its user's under the code."""
    return Input(
        REVIEWS,
        Reviewed(
            event_id=f"review {name}",
            event_time=time,
            received_at=time,
            code=entry.code,
            user_id=entry.user_id,
            reward_id=entry.reward_id if only else None,
            decision=decision,
            reviewer="eve",
            reason="goodwill",
        ),
    )


def _host(manner: Manner, *, capped: bool) -> MemoryHost:
    host = MemoryHost(
        partitions=manner.partitions,
        batch=manner.batch,
        shuffle=None if manner.seed is None else Random(manner.seed),
        wire=manner.wire,
    )
    host.publish(CAMPAIGNS, *campaigns(capped=capped))
    host.publish(CODES, *codes(capped=capped))
    return host


def _publish(host: MemoryHost, given: Input) -> None:
    if not isinstance(given.record, Ticked):
        host.publish(given.topic, given.record)
        return
    for partition in range(host.partitions):
        ticked = msgspec.structs.replace(
            given.record,
            event_id=f"{given.record.event_id} {partition}",
            partition=partition,
            partitions=host.partitions,
        )
        host.publish(TICKS, ticked)


def _input(step: Step, name: str, now: Millis, host: MemoryHost) -> Input | None:
    match step.what:
        case "tick":
            return tick_at(now, name)
        case "review":
            entries = ledger(host)
            decision = list(ReviewDecision)[step.two % len(ReviewDecision)]
            only = step.three % 2 == 0
            return (
                review_of(entries[step.one % len(entries)], decision, now, name, only=only)
                if entries
                else None
            )
        case "report":
            orders = _unsettled(host)
            return _report(orders[step.one % len(orders)], step, now) if orders else None
        case _:
            return Input(EVENTS, _event(step, name, now))


def _event(step: Step, name: str, now: Millis) -> Record:
    user = f"u{step.one % USERS}"
    common: dict[str, Any] = {"event_id": f"e{name}", "event_time": now, "received_at": now}
    order: dict[str, Any] = {"user_id": user, "order_id": f"{user}-o{step.two % 2}"}
    match step.what:
        case "signup":
            typed = TYPED[step.two % len(TYPED)]
            return Signup(
                **common,
                user_id=user,
                code=typed,
                code_known=True,
                campaign_id=CAMPAIGN_OF[typed],
                email_disposable=step.three % 3 == 0,
                ip_hash=f"ip{step.three % 2}",
            )
        case "purchase":
            paid = (1 + step.three % 4) * 30 * UNIT
            return Purchase(**common, **order, amount_micros=paid, currency="USD")
        case "dispute":
            kind = (DisputeOpened, DisputeWon, DisputeLost)[step.three % 3]
            part = None if step.three % 4 == 0 else (step.three % 5) * 10 * UNIT
            return kind(
                **common, **order, dispute_id=f"d{step.one % 2}", amount_micros=part or None
            )
        case _:
            part = None if step.three % 4 == 0 else step.three * 3 * UNIT
            return Refund(**common, **order, amount_micros=part)


def _unsettled(host: MemoryHost) -> list[RewardGranted]:
    """The orders of rewards that are granted: nobody reports on an order that is done with."""
    last = {entry.reward_id: entry.status for entry in ledger(host)}
    orders = {grant.reward_id: grant for grant in to_fulfil(host)}
    return [order for order in orders.values() if last[order.reward_id] == RewardStatus.GRANTED]


def _report(order: RewardGranted, step: Step, now: Millis) -> Input:
    """Of a failure, its id is that of the order; a reward is delivered once."""
    outcome = FulfilmentOutcome.FAILED if step.two % 3 == 0 else FulfilmentOutcome.DELIVERED
    which = order.event_id if outcome == FulfilmentOutcome.FAILED else ""
    report = FulfilmentReported(
        event_id=derived_id(order.reward_id, outcome, which),
        event_time=now,
        received_at=now,
        code=order.code,
        user_id=order.user_id,
        reward_id=order.reward_id,
        role=order.role,
        outcome=outcome,
        kind=order.kind,
        attempts=1,
    )
    return Input(FULFILMENTS, report)

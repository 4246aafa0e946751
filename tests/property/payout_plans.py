"""Plans of what happens to rewards and their statements, and the steps that they consist of."""

from random import Random
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st
from property.payout_programme import CURRENCIES, OWNERS, UNIT, Programme

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided, is_adjustment
from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.events import Purchase, Refund, UsersMerged
from reftrail.contracts.external_inputs import (
    FulfilmentOutcome,
    FulfilmentReported,
    ReviewDecision,
    Reviewed,
)
from reftrail.contracts.record import DAY
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import ADJUSTMENTS, EVENTS, REVIEWS

KINDS: Final = (
    *["purchase"] * 4,
    *["refund"] * 3,
    *["review"] * 2,
    *["adjust"] * 2,
    "decide about an adjustment",
    *["prepare"] * 3,
    *["approve"] * 3,
    *["export"] * 3,
    *["report"] * 5,
    "delivered by others",
    "merge",
    "decide",
)

_REVIEWS: Final = (
    *[ReviewDecision.REVERSE] * 2,
    ReviewDecision.APPROVE,
    ReviewDecision.REINSTATE,
)

_LIKELY: Final[dict[str, str]] = {
    ReviewDecision.REVERSE: RewardStatus.FULFILLED,
    ReviewDecision.REINSTATE: RewardStatus.REVERSED,
}
"""The preferred subject of a decision."""


class Step(NamedTuple):
    """The next step; the numbers choose among what there is."""

    kind: str
    one: int
    two: int


def random_plan(seed: int) -> list[Step]:
    """A plan in which much happens."""
    rng = Random(seed)
    return [
        Step(rng.choice(KINDS), rng.randrange(12), rng.randrange(12))
        for _ in range(rng.randrange(40, 90))
    ]


numbers = st.integers(0, 11)
steps = st.lists(
    st.builds(Step, st.sampled_from(KINDS), numbers, numbers), max_size=40
) | st.integers(0, 2**32).map(random_plan)


def play(programme: Programme, step: Step) -> None:  # noqa: C901 - a table
    """Do what a step says, a day after the one before."""
    programme.now += DAY
    match step.kind:
        case "purchase":
            _purchase(programme, step)
        case "refund":
            _refund(programme, step)
        case "review":
            _review(programme, step)
        case "adjust":
            _adjust(programme, step)
        case "decide about an adjustment":
            _decide(programme, step)
        case "prepare":
            programme.prepare()
        case "approve":
            programme.approve(every=1 + step.one % 3)
        case "export":
            programme.export()
        case "report":
            _report(programme, step)
        case "delivered by others":
            _deliver(programme, step)
        case "merge":
            _merge(programme, step)
        case _:
            programme.host.run()


def _purchase(programme: Programme, step: Step) -> None:
    user = f"u{step.one % 4}"
    order: dict[str, Any] = {"user_id": user, "order_id": f"{user} {step.two}"}
    money: dict[str, Any] = {"amount_micros": 90 * UNIT, "currency": "EUR"}
    programme.host.publish(EVENTS, Purchase(**programme.times("purchase"), **order, **money))
    programme.host.run()


def _refund(programme: Programme, step: Step) -> None:
    user = f"u{step.one % 4}"
    part = None if step.two % 3 == 0 else 30 * UNIT
    bought = [purchase for purchase in programme.host.log(EVENTS) if isinstance(purchase, Purchase)]
    own = [purchase.order_id for purchase in bought if purchase.user_id == user]
    if own:
        order: dict[str, Any] = {"user_id": user, "order_id": own[step.two % len(own)]}
        programme.host.publish(
            EVENTS, Refund(**programme.times("refund"), **order, amount_micros=part)
        )
        if step.one % 2:
            programme.host.run()


def _merge(programme: Programme, step: Step) -> None:
    """Two users turn out to be one: what one of them has earned is taken back, paid or not."""
    guest, account = f"u{step.one % 4}", f"u{step.two % 4}"
    if guest != account:
        merged = UsersMerged(**programme.times("merge"), user_id=guest, merged_into=account)
        programme.host.publish(EVENTS, merged)
        programme.host.run()


def _review(programme: Programme, step: Step) -> None:
    entries = [entry for entry in programme.entries() if not is_adjustment(entry.action)]
    if not entries:
        return
    decision = _REVIEWS[step.two % 4]
    likely = [entry for entry in entries if entry.status == _LIKELY.get(decision)]
    entries = likely or entries
    entry = entries[step.one % len(entries)]
    whose: dict[str, Any] = {
        "code": entry.code,
        "user_id": entry.user_id,
        "reward_id": entry.reward_id,
    }
    review = Reviewed(
        **programme.times("review"), **whose, decision=decision, reviewer="eve", reason="appeal"
    )
    programme.host.publish(REVIEWS, review)
    programme.host.run()


def _adjust(programme: Programme, step: Step) -> None:
    """A credit or debit by hand, of one side of a referral."""
    user = step.one % 4
    under = sorted(OWNERS)[user % 3]
    adjusted = Adjusted(
        **programme.times("adjusts"),
        adjustment_id=f"{programme.now}",
        code=under,
        user_id=f"u{user}",
        role=("referrer", "referee")[step.one % 2],
        value_micros=(step.two - 5) * 2 * UNIT,
        currency=CURRENCIES[under],
        reason="goodwill",
        actor="ann",
    )
    programme.host.publish(ADJUSTMENTS, adjusted)
    programme.host.run()


def _decide(programme: Programme, step: Step) -> None:
    """A second person decides about an adjustment that waits, or doesn't any more."""
    held = [entry for entry in programme.entries() if Reason.NEEDS_APPROVAL in entry.reasons]
    if held:
        entry = held[step.one % len(held)]
        decided = AdjustmentDecided(
            **programme.times("decides"),
            adjustment_id=entry.action.partition(":")[2],
            code=entry.code,
            user_id=entry.user_id,
            decision="decline" if step.two % 4 == 0 else "approve",
            actor="bea",
        )
        programme.host.publish(ADJUSTMENTS, decided)
        programme.host.run()


def _report(programme: Programme, step: Step) -> None:
    found = list(programme.payouts.statements().by_id.values())
    if found:
        status = ("paid", "failed", "returned")[step.two % 3]
        reference = found[step.one % len(found)].reference
        programme.pay(reference, status, f"payment {step.two}")


def _deliver(programme: Programme, step: Step) -> None:
    """Somebody else delivers a reward that is in no statement."""
    programme.host.run()
    seen = programme.payouts.statements().seen()
    last = {entry.reward_id: entry for entry in programme.entries()}
    good = [
        entry
        for entry in last.values()
        if entry.status == RewardStatus.GRANTED and entry.reward_id not in seen
    ]
    if not good:
        return
    entry = good[step.one % len(good)]
    report = FulfilmentReported(
        **programme.times("by others"),
        code=entry.code,
        user_id=entry.user_id,
        reward_id=entry.reward_id,
        role=entry.role,
        outcome=FulfilmentOutcome.DELIVERED,
        kind=entry.kind,
        attempts=1,
    )
    programme.report([report])
    programme.host.run()
    delivered = programme.entries()[-1]
    assert delivered.status == RewardStatus.FULFILLED
    assert entry.beneficiary is not None
    programme.cash[entry.beneficiary, entry.currency] += delivered.value_micros
    programme.by_others[entry.reward_id] += delivered.value_micros

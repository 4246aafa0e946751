"""Statements add up to the ledger, whatever is refunded, reviewed, merged, paid and returned.

The rules decide on real orders and reports. Beside them the test keeps cash: what reached each
beneficiary's account, and what came back. In the end it is compared with the worth of the ledger's
entries, which are added up here in another way.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Final, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from support.payouts import MemoryPayouts

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided, is_adjustment
from reftrail.contracts.decisions import DeadLettered, RewardDecided, RewardStatus
from reftrail.contracts.events import Purchase, Refund, Signup, UsersMerged
from reftrail.contracts.external_inputs import (
    FulfilmentOutcome,
    FulfilmentReported,
    ReviewDecision,
    Reviewed,
)
from reftrail.contracts.payouts import CarriedOver, LineReason, StatementStatus
from reftrail.contracts.policy import Adjustments, Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import DAY, MICROS_PER_UNIT, Micros
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    REVIEWS,
    REWARDS,
)
from reftrail.payouts import (
    LAYOUTS,
    Payee,
    PayoutTerms,
    Period,
    approve_statements,
    export_statements,
    prepare_statements,
    provider_line,
    report_payments,
)
from reftrail.payouts.changes import Act
from reftrail.payouts.reconciliation import DifferenceKind
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

UNIT: Final = MICROS_PER_UNIT
OWNERS: Final = {"A1": "ann", "A2": "ann", "B1": "ben"}
CURRENCIES: Final = {"A1": "EUR", "A2": "USD", "B1": "EUR"}
TERMS: Final = PayoutTerms(refund_window=0, two_people=False)
PAYEES: Final = {
    name: Payee(email=f"{name}@example.com")
    for name in (*OWNERS.values(), *(f"u{nth}" for nth in range(4)))
}
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


class Programme:
    """A programme whose rewards are paid out. Workers lag: they decide only now and then."""

    def __init__(self, paid_by: PayoutTerms = TERMS) -> None:
        self.paid_by = paid_by
        self.by_others: Counter[str] = Counter()
        self.host = MemoryHost(wire=False, batch=100)
        policy = Policy(
            repeats=0,
            fraud=Fraud(grant_up_to=999, reject_from=1_000),
            on_refund=OnRefund.PROPORTIONAL,
            adjustments=Adjustments(approval_above_micros=8 * UNIT),
        )
        for name, currency in CURRENCIES.items():
            terms: dict[str, Any] = {
                "referrer_reward_micros": 10 * UNIT,
                "referee_reward_micros": 3 * UNIT,
            }
            kinds: dict[str, Any] = {
                "referrer_reward_kind": "payout",
                "referee_reward_kind": "payout",
            }
            defined = campaign(
                f"of {name}",
                trigger=Trigger.FIRST_PURCHASE,
                policy=policy_text(policy),
                reward_currency=currency,
                **terms,
                **kinds,
            )
            self.host.publish(CAMPAIGNS, defined)
            self.host.publish(CODES, code(name, owner=OWNERS[name], campaign_id=f"of {name}"))
        self.payouts = MemoryPayouts(self.entries, self._told)
        self.cash: Counter[tuple[str, str]] = Counter()
        self.now = FIRST_DAY
        self.periods = 0
        self.paid_again = False
        for nth in range(4):
            self._signup(nth)

    def entries(self) -> Sequence[RewardDecided]:
        return [entry for entry in self.host.log(REWARDS) if isinstance(entry, RewardDecided)]

    def play(self, step: Step) -> None:  # noqa: C901 - a table
        self.now += DAY
        match step.kind:
            case "purchase":
                self._purchase(step)
            case "refund":
                self._refund(step)
            case "review":
                self._review(step)
            case "adjust":
                self._adjust(step)
            case "decide about an adjustment":
                self._decide(step)
            case "prepare":
                self.prepare()
            case "approve":
                self.approve(step)
            case "export":
                self.export()
            case "report":
                self._report(step)
            case "delivered by others":
                self._deliver(step)
            case "merge":
                self._merge(step)
            case _:
                self.host.run()

    def prepare(self) -> None:
        self.periods += 1
        period = Period(self.now - DAY, self.now)
        prepare_statements(self.payouts, self.paid_by, period, self._act("pat"))
        again, _ = prepare_statements(self.payouts, self.paid_by, period, self._act("pat"))
        assert again == []

    def approve(self, step: Step | None = None) -> None:
        every = 1 if step is None else 1 + step.one % 3
        chosen = list(self.payouts.statements().by_id)[::every]
        approve_statements(self.payouts, lambda payout: payout.id in chosen, self._act("amy"))
        self.check_nothing_twice()

    def export(self) -> None:
        for currency in ("EUR", "USD"):
            export_statements(
                self.payouts,
                lambda payout: payout.prepared.currency == currency,  # noqa: B023 - it is used at once
                LAYOUTS["paypal"],
                PAYEES,
                self._act("amy"),
            )

    def pay(self, reference: str, status: str, payment: str) -> None:
        line = provider_line(reference, status, provider_reference=payment)
        before = {
            statement.id: statement.was_paid
            for statement in self.payouts.statements().by_id.values()
        }
        found = report_payments(self.payouts, [line], self._act("amy"))
        again = report_payments(self.payouts, [line], self._act("amy"))
        assert (again.changes, again.reports) == ([], [])
        kinds = {difference.kind for difference in found.differences}
        self.paid_again |= DifferenceKind.PAID_AGAIN in kinds
        for change in found.changes:
            whose = (change.beneficiary, change.currency)
            if change.status == StatementStatus.PAID:
                self.cash[whose] += change.amount_micros
            elif change.status == StatementStatus.RETURNED and before[change.statement_id]:
                self.cash[whose] -= change.amount_micros

    def check_nothing_twice(self) -> None:
        """A reward is earned again only where what counts of it before adds up to nothing.

        So it is if its statement failed, or if it was clawed back before it was reinstated. A
        failed statement that was paid after all is the exception.
        """
        counting = [s for s in self.payouts.statements().by_id.values() if s.is_settling]
        sums: Counter[str] = Counter()
        for statement in sorted(counting, key=lambda counted: counted.prepared.event_time):
            for line in statement.lines:
                if line.reason in (LineReason.EARNED, LineReason.RETRIED):
                    assert self.paid_again or sums[line.reward_id] <= 0
                sums[line.reward_id] += line.amount_micros

    def settle(self) -> None:
        """Pay everything, and what that changes, until nothing is left to be paid."""
        while True:
            self.host.run()
            open_ones = self.payouts.statements().by_id.values()
            for statement in list(open_ones):
                if statement.status == StatementStatus.EXPORTED:
                    self.pay(statement.reference, "paid", f"last {statement.id}")
            self.host.run()
            self.now += DAY
            self.prepare()
            self.approve()
            self.export()
            left = self.payouts.statements().by_id.values()
            if all(statement.status != StatementStatus.EXPORTED for statement in left):
                return

    def _told(self, reports: Sequence[FulfilmentReported]) -> None:
        self.host.publish(FULFILMENTS, *reports)

    def _act(self, actor: str) -> Act:
        return Act(actor, self.now)

    def _times(self, name: str) -> dict[str, Any]:
        event_id = f"{name} {self.now}"
        return {"event_id": event_id, "event_time": self.now, "received_at": self.now}

    def _signup(self, nth: int) -> None:
        under = sorted(OWNERS)[nth % 3]
        self.now += DAY
        known: dict[str, Any] = {"code": under, "code_known": True, "campaign_id": f"of {under}"}
        self.host.publish(EVENTS, Signup(**self._times("signup"), user_id=f"u{nth}", **known))
        self.host.run()

    def _purchase(self, step: Step) -> None:
        user = f"u{step.one % 4}"
        order: dict[str, Any] = {"user_id": user, "order_id": f"{user} {step.two}"}
        money: dict[str, Any] = {"amount_micros": 90 * UNIT, "currency": "EUR"}
        self.host.publish(EVENTS, Purchase(**self._times("purchase"), **order, **money))
        self.host.run()

    def _refund(self, step: Step) -> None:
        user = f"u{step.one % 4}"
        part = None if step.two % 3 == 0 else 30 * UNIT
        bought = [purchase for purchase in self.host.log(EVENTS) if isinstance(purchase, Purchase)]
        own = [purchase.order_id for purchase in bought if purchase.user_id == user]
        if own:
            order: dict[str, Any] = {"user_id": user, "order_id": own[step.two % len(own)]}
            self.host.publish(EVENTS, Refund(**self._times("refund"), **order, amount_micros=part))
            if step.one % 2:
                self.host.run()

    def _merge(self, step: Step) -> None:
        """Two users turn out to be one: what one of them has earned is taken back, paid or not."""
        guest, account = f"u{step.one % 4}", f"u{step.two % 4}"
        if guest != account:
            merged = UsersMerged(**self._times("merge"), user_id=guest, merged_into=account)
            self.host.publish(EVENTS, merged)
            self.host.run()

    def _review(self, step: Step) -> None:
        entries = [entry for entry in self.entries() if not is_adjustment(entry.action)]
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
            **self._times("review"), **whose, decision=decision, reviewer="eve", reason="appeal"
        )
        self.host.publish(REVIEWS, review)
        self.host.run()

    def _adjust(self, step: Step) -> None:
        """A credit or debit by hand, of one side of a referral."""
        user = step.one % 4
        under = sorted(OWNERS)[user % 3]
        adjusted = Adjusted(
            **self._times("adjusts"),
            adjustment_id=f"{self.now}",
            code=under,
            user_id=f"u{user}",
            role=("referrer", "referee")[step.one % 2],
            value_micros=(step.two - 5) * 2 * UNIT,
            currency=CURRENCIES[under],
            reason="goodwill",
            actor="ann",
        )
        self.host.publish(ADJUSTMENTS, adjusted)
        self.host.run()

    def _decide(self, step: Step) -> None:
        """A second person decides about an adjustment that waits, or doesn't any more."""
        held = [entry for entry in self.entries() if Reason.NEEDS_APPROVAL in entry.reasons]
        if held:
            entry = held[step.one % len(held)]
            decided = AdjustmentDecided(
                **self._times("decides"),
                adjustment_id=entry.action.partition(":")[2],
                code=entry.code,
                user_id=entry.user_id,
                decision="decline" if step.two % 4 == 0 else "approve",
                actor="bea",
            )
            self.host.publish(ADJUSTMENTS, decided)
            self.host.run()

    def _report(self, step: Step) -> None:
        found = list(self.payouts.statements().by_id.values())
        if found:
            status = ("paid", "failed", "returned")[step.two % 3]
            reference = found[step.one % len(found)].reference
            self.pay(reference, status, f"payment {step.two}")

    def _deliver(self, step: Step) -> None:
        """Somebody else delivers a reward that is in no statement."""
        self.host.run()
        seen = self.payouts.statements().seen()
        last = {entry.reward_id: entry for entry in self.entries()}
        good = [
            entry
            for entry in last.values()
            if entry.status == RewardStatus.GRANTED and entry.reward_id not in seen
        ]
        if not good:
            return
        entry = good[step.one % len(good)]
        report = FulfilmentReported(
            **self._times("by others"),
            code=entry.code,
            user_id=entry.user_id,
            reward_id=entry.reward_id,
            role=entry.role,
            outcome=FulfilmentOutcome.DELIVERED,
            kind=entry.kind,
            attempts=1,
        )
        self._told([report])
        self.host.run()
        delivered = self.entries()[-1]
        assert delivered.status == RewardStatus.FULFILLED
        assert entry.beneficiary is not None
        self.cash[entry.beneficiary, entry.currency] += delivered.value_micros
        self.by_others[entry.reward_id] += delivered.value_micros


def worth(entries: Sequence[RewardDecided]) -> dict[tuple[str, str], Micros]:
    """The sums of the entries by beneficiary and currency."""
    sums: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        sums[entry.beneficiary or "", entry.currency] += effect(entry)
    return dict(sums)


def check(programme: Programme) -> None:
    """Compare cash and ledger when everything is paid that can be."""
    programme.settle()
    earned = worth(programme.entries())
    negative = {
        (
            statement.prepared.beneficiary,
            statement.prepared.currency,
        ): statement.prepared.total_micros
        for statement in programme.payouts.statements().by_id.values()
        if statement.prepared.period_until == programme.now
        and statement.prepared.carried_over == CarriedOver.NEGATIVE
    }
    last = {entry.reward_id: entry for entry in programme.entries()}
    unpaid = [entry for entry in last.values() if entry.status == RewardStatus.FAILED]
    assert {(entry.beneficiary, entry.currency) for entry in unpaid} <= negative.keys()
    for entry in unpaid:  # what failed is due again, though the ledger says it is worth nothing now
        earned[entry.beneficiary or "", entry.currency] += entry.value_micros
    for whose in earned.keys() | programme.cash.keys():
        owed = programme.cash[whose] - earned.get(whose, 0)
        assert owed == -negative.get(whose, 0), whose
    letters = [
        record for record in programme.host.log(DEAD_LETTERS) if isinstance(record, DeadLettered)
    ]
    assert [letter for letter in letters if letter.topic == FULFILMENTS.name] == []
    assert [letter for letter in letters if letter.reason == "unknown_reward"] == []
    assert [
        letter.detail
        for letter in letters
        if "deliver" in letter.detail or "fail " in letter.detail
    ] == []


@given(steps)
@settings(max_examples=60, deadline=None)
def test_what_is_paid_is_what_the_ledger_is_worth(plan: list[Step]) -> None:
    programme = Programme()
    for step in plan:
        programme.play(step)
    check(programme)


def test_much_happens_in_long_plans() -> None:
    """Else the property would say nothing."""
    reasons: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    ledger: Counter[str] = Counter()
    for seed in range(60):
        programme = Programme()
        for step in random_plan(seed):
            programme.play(step)
        for statement in programme.payouts.statements().by_id.values():
            reasons.update(line.reason for line in statement.lines if statement.changes)
            statuses.update(change.status for change in statement.changes)
        check(programme)
        ledger.update(reason for entry in programme.entries() for reason in entry.reasons)
    assert all(reasons[reason] for reason in (LineReason.EARNED, LineReason.CLAWBACK)), reasons
    assert reasons[LineReason.RETRIED], reasons
    assert reasons[LineReason.ADJUSTED], reasons
    assert all(statuses[status] for status in StatementStatus if status != "prepared"), statuses
    assert ledger[Reason.ALREADY_DELIVERED], ledger
    assert ledger[Reason.DELIVERED_ANYWAY], ledger

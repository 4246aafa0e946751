"""A programme whose rewards are paid out, with the cash that reached each beneficiary."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from support.payouts import MemoryPayouts

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Signup
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.payouts import LineReason, StatementStatus
from reftrail.contracts.policy import Adjustments, Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import DAY, MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, FULFILMENTS, REWARDS
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
        self.payouts = MemoryPayouts(self.entries, self.report)
        self.cash: Counter[tuple[str, str]] = Counter()
        self.now = FIRST_DAY
        self.periods = 0
        self.paid_again = False
        for nth in range(4):
            self._sign_up(nth)

    def entries(self) -> Sequence[RewardDecided]:
        return [entry for entry in self.host.log(REWARDS) if isinstance(entry, RewardDecided)]

    def prepare(self) -> None:
        self.periods += 1
        period = Period(self.now - DAY, self.now)
        prepare_statements(self.payouts, self.paid_by, period, self._act("pat"))
        again, _ = prepare_statements(self.payouts, self.paid_by, period, self._act("pat"))
        assert again == []

    def approve(self, every: int = 1) -> None:
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

    def report(self, reports: Sequence[FulfilmentReported]) -> None:
        """Publish what fulfilment would report."""
        self.host.publish(FULFILMENTS, *reports)

    def _act(self, actor: str) -> Act:
        return Act(actor, self.now)

    def times(self, name: str) -> dict[str, Any]:
        """The id of an event that is now, and its times."""
        event_id = f"{name} {self.now}"
        return {"event_id": event_id, "event_time": self.now, "received_at": self.now}

    def _sign_up(self, nth: int) -> None:
        under = sorted(OWNERS)[nth % 3]
        self.now += DAY
        known: dict[str, Any] = {"code": under, "code_known": True, "campaign_id": f"of {under}"}
        self.host.publish(EVENTS, Signup(**self.times("signup"), user_id=f"u{nth}", **known))
        self.host.run()

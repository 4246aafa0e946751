"""Commissions to import, and the ledger that the rules keep of them in memory."""

from collections import defaultdict
from typing import Any

from reftrail.adjustments import adjustments, decisions
from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.policy import Adjustments, Policy, policy_text
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS, CODES, DEAD_LETTERS, REWARDS
from reftrail.engine.memory import MemoryHost
from reftrail.imports import Balance, Commission, History, Owners, Plan, Programme, plan_import
from reftrail.testing import campaign, code

AT = 1_767_225_600_000
LISTED = {"pn_1": "AMY", "bob@affiliates.example": "BOB"}
HELD = policy_text(Policy(adjustments=Adjustments(approval_above_micros=5_000_000)))


def commission(number: int, cents: int, earner: str = "pn_1", **given: Any) -> Commission:
    fields: dict[str, Any] = {
        "commission_id": f"cm_{number}",
        "earner": earner,
        "email": None,
        "token": None,
        "customer": f"user-{number % 3}",
        "open_micros": cents * 10_000,
        "currency": "USD",
        "state": "pending",
    }
    return Commission(**(fields | given))


class Ledger:
    """The rules in memory, with two codes of one campaign."""

    def __init__(self, **rules: Any) -> None:
        self.host = MemoryHost()
        self.host.publish(CAMPAIGNS, campaign(**rules))
        self.codes = [code("AMY", owner="amy"), code("BOB", owner="bob")]
        self.host.publish(CODES, *self.codes)
        self.listed: dict[str, str] | None = dict(LISTED)

    def owned(self, name: str, owner: str) -> None:
        """A code is registered, or given to somebody."""
        revision = len(self.codes)
        changed = code(name, owner=owner, revision=revision, event_id=f"{name} {revision}")
        self.codes.append(changed)
        self.host.publish(CODES, changed)

    def plan(self, *commissions: Commission, asks_again: bool = False) -> Plan:
        self.host.run()
        adjusted: list[Any] = self.host.log(ADJUSTMENTS)
        ledger: Any = self.host.log(REWARDS)
        letters: Any = self.host.log(DEAD_LETTERS)
        history = History(
            Programme.DUB,
            [record for record in adjusted if isinstance(record, Adjusted)],
            ledger,
            letters,
        )
        owners = Owners(self.codes, self.listed)
        return plan_import(Programme.DUB, commissions, owners, history, asks_again=asks_again)

    def take(self, plan: Plan) -> None:
        fields = [posting.fields("credit") for posting in plan.postings]
        taken, rejected = adjustments(fields, AT, "ann")
        assert not rejected
        self.host.publish(ADJUSTMENTS, *taken)

    def decide(self, decision: str, *wanted: bool) -> None:
        """A second person decides about what is held; of several, those that are wanted."""
        self.host.run()
        last: dict[str, Any] = {entry.action: entry for entry in self.entries()}
        held = [entry for entry in last.values() if entry.status == "held"]
        for number, entry in enumerate(held):
            if wanted and not wanted[number % len(wanted)]:
                continue
            fields = {
                "adjustment_id": entry.action.partition(":")[2],
                "code": entry.code,
                "user_id": entry.user_id,
                "decision": decision,
            }
            taken, rejected = decisions([fields], AT + 1, "bea")
            assert not rejected
            self.host.publish(ADJUSTMENTS, *taken)
        self.host.run()

    def entries(self) -> list[Any]:
        return self.host.log(REWARDS)

    def booked(self) -> dict[tuple[str, str, str], int]:
        """Micros by commission, beneficiary and currency, of entries that weren't undone."""
        last = {(entry.action, entry.code, entry.user_id): entry for entry in self.entries()}
        found: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        for entry in last.values():
            if entry.status in {"adjusted", "fulfilled"}:
                its_commission = entry.action.split(":")[2]
                found[its_commission, entry.beneficiary, entry.currency] += entry.value_micros
        return {key: micros for key, micros in found.items() if micros}


def figures(balance: Balance) -> tuple[int, int, int, int]:
    return balance.theirs, balance.ledger, balance.posted, balance.waiting


def posted(plan: Plan) -> list[tuple[str, str, int, str]]:
    return [
        (posting.adjustment_id, posting.place.code, posting.micros, posting.place.currency)
        for posting in plan.postings
    ]

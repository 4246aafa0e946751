"""Turns under `repeats`, where orders are paid back, and reviews decline, take back and reinstate.

The book follows the words of the rules: a refund leaves its turn to the earliest order that was
skipped, a rejection by a review to orders that come later, and what a review took back keeps it.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import pytest

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Purchase, Refund, Signup
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.policy import Fraud, OrderIds, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Millis
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REVIEWS, REWARDS
from reftrail.rules.fraud.checks import REASONS
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

KINDS: Final = (
    *["buy"] * 6,
    *["refund"] * 4,
    "approve",
    "decline",
    "reverse",
    *["reinstate"] * 2,
)
SHOWN: Final = {"declined": "rejected", "taken back": "reversed"}
"""The ledger's status of what a review ended."""


@dataclass
class Book:
    """The orders of one user: what became of each, and how many turns are used."""

    repeats: int
    is_suspected: bool
    turns: dict[str, tuple[Millis, str]] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    refunded: set[str] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)
    used: int = 0

    def buy(self, order: str, turn: tuple[Millis, str]) -> None:
        if order in self.turns:
            return
        self.turns[order] = turn
        if order in self.refunded:
            return
        if self.used < self.repeats:
            self._take(order)
        else:
            self.skipped.append(order)

    def _take(self, order: str) -> None:
        self.used += 1
        self.status[order] = "held" if self.is_suspected else "granted"

    def pay_back(self, order: str) -> None:
        if order in self.refunded:
            return
        self.refunded.add(order)
        if self.status.get(order) not in ("held", "granted"):
            return
        self.status[order] = "rejected" if self.status[order] == "held" else "reversed"
        self.used -= 1
        waiting = sorted(set(self.skipped) - self.refunded, key=lambda name: self.turns[name])
        if waiting:
            self.skipped.remove(waiting[0])
            self._take(waiting[0])

    def review(self, order: str, decision: str) -> None:
        status = self.status[order]
        if decision == "approve" and status == "held":
            self.status[order] = "granted"
        elif decision == "decline" and status == "held":
            self.status[order] = "declined"
            self.used -= 1
            self.skipped.clear()
        elif decision == "reverse" and status == "granted":
            self.status[order] = "taken back"
        elif decision == "reinstate" and order not in self.refunded:
            self._reinstate(order)

    def _reinstate(self, order: str) -> None:
        is_free = self.used < self.repeats
        if self.status[order] == "declined" and is_free:
            self.used += 1
            self.status[order] = "granted"
        elif self.status[order] == "taken back":
            self.status[order] = "granted"


class Play:
    """The pipeline with one user, and the book of that user's orders."""

    def __init__(self, book: Book, order_ids: OrderIds) -> None:
        self.book, self.now, self.count = book, FIRST_DAY + 10 * DAY, 0
        weights = dict.fromkeys(REASONS, 0) | {"disposable_email": 60}
        policy = Policy(
            repeats=book.repeats,
            order_ids=order_ids,
            fraud=Fraud(weights=weights, review_for=10 * DAY),
        )
        defined = campaign(trigger=Trigger.FIRST_PURCHASE, policy=policy_text(policy))
        self.host = MemoryHost(wire=False, batch=100)
        self.host.publish(CAMPAIGNS, defined)
        self.host.publish(CODES, code("AMY", owner="amy"))
        signup = Signup(
            **self._times(FIRST_DAY),
            user_id="u",
            code="AMY",
            code_known=True,
            campaign_id="spring",
            email_disposable=book.is_suspected,
        )
        self.host.publish(EVENTS, signup)
        self.host.run()

    def step(self, rng: Random) -> None:
        self.now += HOUR
        kind, order = rng.choice(KINDS), f"o{rng.randrange(14)}"
        whose: dict[str, Any] = {"user_id": "u", "order_id": order}
        if kind == "buy":
            at = FIRST_DAY + DAY + rng.randrange(5 * DAY)
            paid: dict[str, Any] = {"amount_micros": 50 * MICROS_PER_UNIT, "currency": "USD"}
            purchase = Purchase(**self._times(at), **whose, **paid)
            self.host.publish(EVENTS, purchase)
            self.book.buy(order, (at, purchase.event_id))
        elif kind == "refund":
            self.host.publish(EVENTS, Refund(**self._times(self.now), **whose))
            self.book.pay_back(order)
        else:
            for decided in self.ledger():
                self.book.review(decided, kind)
            self.host.publish(REVIEWS, self._review(kind))
        self.host.run()

    def _review(self, decision: str) -> Reviewed:
        about: dict[str, Any] = {"code": "AMY", "user_id": "u", "decision": decision}
        return Reviewed(**self._times(self.now), **about, reviewer="eve", reason="goodwill")

    def _times(self, at: Millis) -> dict[str, Any]:
        self.count += 1
        return {"event_id": f"e{self.count:04}", "event_time": at, "received_at": self.now}

    def ledger(self) -> dict[str, str]:
        """The status of each order's reward, in the order of the first decisions."""
        found: dict[str, str] = {}
        for entry in self.host.log(REWARDS):
            assert isinstance(entry, RewardDecided)
            found[entry.order_id or ""] = entry.status
        return found


@pytest.mark.parametrize("order_ids", list(OrderIds))
@pytest.mark.parametrize("seed", range(30))
def test_turns_are_taken_and_left_as_the_rules_say(seed: int, order_ids: OrderIds) -> None:
    rng = Random(seed)
    book = Book(repeats=1 + seed % 3, is_suspected=seed % 2 == 0)
    play = Play(book, order_ids)
    for _ in range(40):
        play.step(rng)
        expected = {order: SHOWN.get(status, status) for order, status in book.status.items()}
        assert play.ledger() == expected

"""Tiers and first orders over many referrals, with refunds, disputes and reviews in between.

The owner's book follows the campaigns' reference: a referral's number is one more than how many
others have a reward that was granted and wasn't reversed as a whole, when its first order is
decided on, and stays. The first order pays the referee too.
"""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any, Final

import pytest

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    Purchase,
    Refund,
    Signup,
)
from reftrail.contracts.external_inputs import Reviewed, Ticked
from reftrail.contracts.policy import Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Record
from reftrail.contracts.reference import Trigger
from reftrail.contracts.side_rules import Percent, RewardValue, SideRules, Tier
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REVIEWS, REWARDS, TICKS
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

UNIT: Final = MICROS_PER_UNIT
USERS: Final = 32
RATES: Final = ((20, 30), (5, 25), (1, 20))
"""From which number on, the highest first, and percent."""
WELCOME: Final = Fraction(10)
EFFECTS: Final = {"granted": 1, "reversed": -1}


@dataclass
class OrderBook:
    """An order: paid and paid back, its disputes, and what became of its reward.

    status is nothing, held, granted or reversed, for both sides.
    """

    user: str
    paid: Fraction | None = None
    back: Fraction = Fraction(0)
    disputes: dict[str, tuple[str, Fraction]] = field(default_factory=dict)
    status: str = ""
    due: int = 0
    rate: int = 0
    is_first: bool = False

    @property
    def remains(self) -> Fraction:
        lost = sum(part for status, part in self.disputes.values() if status == "lost")
        return max(Fraction(0), (self.paid or Fraction(0)) - self.back - lost)

    @property
    def is_disputed(self) -> bool:
        return any(status == "opened" for status, _ in self.disputes.values())

    def worth(self, role: str) -> Fraction:
        if self.status != "granted" or self.is_disputed or not self.paid:
            return Fraction(0)
        if role == "referrer":
            return _cents(self.remains * self.rate / 100)
        return _cents(WELCOME * self.remains / self.paid) if self.is_first else Fraction(0)


def _cents(units: Fraction) -> Fraction:
    return Fraction(round(units * 100), 100)


class Play:
    """The pipeline and the owner's books."""

    def __init__(self, hold_for: int) -> None:
        self.hold_for, self.now, self.count = hold_for, FIRST_DAY, 0
        self.host = MemoryHost(wire=False, batch=100)
        tiers = [
            Tier(referrals=least, percent=Percent(rate=percent * 10_000))
            for least, percent in reversed(RATES[:-1])
        ]
        policy = Policy(
            repeats=0,
            hold_for=hold_for,
            fraud=Fraud(grant_up_to=999, reject_from=1_000),
            on_refund=OnRefund.PROPORTIONAL,
            referrer=Percent(rate=200_000),
            referrer_rules=SideRules(tiers=tiers),
            referee_rules=SideRules(later=RewardValue(value_micros=0)),
        )
        defined = campaign(
            "tiers",
            trigger=Trigger.FIRST_PURCHASE,
            policy=policy_text(policy),
            reward_currency="EUR",
            referrer_reward_micros=0,
            referee_reward_micros=int(WELCOME * UNIT),
        )
        self.host.publish(CAMPAIGNS, defined)
        self.host.publish(CODES, code("AMY", owner="amy", campaign_id="tiers"))
        self.numbers: dict[str, int] = {}
        self.has_earned: set[str] = set()
        self.orders: dict[str, OrderBook] = {}
        named: dict[str, Any] = {"code": "AMY", "code_known": True, "campaign_id": "tiers"}
        for nth in range(USERS):
            self.come(EVENTS, Signup(**self._times(), user_id=f"u{nth}", **named))

    def come(self, topic: Topic, record: Record) -> None:
        self.host.publish(topic, record)
        self.host.run()

    def order(self, rng: Random) -> tuple[str, OrderBook]:
        user = f"u{rng.randrange(USERS)}"
        name = f"{user}-{rng.randrange(2)}"
        return name, self.orders.setdefault(name, OrderBook(user))

    def step(self, rng: Random) -> None:
        self.now += HOUR
        kind = rng.choice(KINDS)
        name, book = self.order(rng)
        if kind == "buy":
            self._buy(name, book, Fraction(rng.randrange(1, 20_000), 100))
        elif kind == "refund":
            part = rng.choice([Fraction(rng.randrange(1, 9_000), 100), book.paid])
            self._refund(name, book, part or Fraction(7))
        elif kind == "dispute":
            self._dispute(name, book, rng)
        elif kind == "review":
            self._review(name, book, rng.choice(["reverse", "reinstate"]))
        else:
            self.tick(rng.choice([1, 6, 24]) * HOUR)

    def _buy(self, name: str, book: OrderBook, paid: Fraction) -> None:
        purchase = Purchase(**self._about(name, book), **_money(paid))
        if book.paid is None:
            book.paid = paid
            if book.remains:
                self._earn(book)
        self.come(EVENTS, purchase)

    def _earn(self, book: OrderBook) -> None:
        if book.user not in self.numbers:
            others = {order.user for order in self.orders.values() if _counts(order)}
            self.numbers[book.user] = len(others - {book.user}) + 1
        number = self.numbers[book.user]
        book.rate = next(percent for least, percent in RATES if number >= least)
        book.is_first = book.user not in self.has_earned
        self.has_earned.add(book.user)
        book.status, book.due = "granted", self.now + self.hold_for
        if self.hold_for:
            book.status = "held"

    def _refund(self, name: str, book: OrderBook, part: Fraction) -> None:
        self.come(EVENTS, Refund(**self._about(name, book), **_money(part)))
        book.back += part
        self._settle(book)

    def _dispute(self, name: str, book: OrderBook, rng: Random) -> None:
        its_id, part = f"d{rng.randrange(2)}", Fraction(rng.randrange(1, 9_000), 100)
        status, part = book.disputes.get(its_id, ("", part))
        what = rng.choice(["won", "lost"]) if status else "opened"
        kinds: dict[str, type[Event]] = {
            "opened": DisputeOpened,
            "won": DisputeWon,
            "lost": DisputeLost,
        }
        fields = {**self._about(name, book), **_money(part)}
        self.come(EVENTS, kinds[what](**fields, dispute_id=f"{name} {its_id}"))
        if status != "lost":
            book.disputes[its_id] = what, part
        self._settle(book)

    def _review(self, name: str, book: OrderBook, decision: str) -> None:
        review = Reviewed(
            **self._times(),
            code="AMY",
            user_id=book.user,
            decision=decision,
            reviewer="eve",
            reason="goodwill",
        )
        self.come(REVIEWS, review)
        for order in self.orders.values():
            if order.user != book.user:
                continue
            if decision == "reverse" and order.status == "granted" and not order.is_disputed:
                order.status = "reversed"
            elif (
                decision == "reinstate"
                and order.status in ("reversed", "rejected")
                and order.remains
            ):
                order.status = "granted"

    def _settle(self, book: OrderBook) -> None:
        """What is paid back as a whole has ended."""
        if not book.remains and book.status in ("granted", "held"):
            book.status = "reversed" if book.status == "granted" else "rejected"

    def tick(self, ahead: int) -> None:
        self.now += ahead
        ticked = Ticked(**self._times(), partition=0, partitions=1)
        for book in self.orders.values():
            if book.status == "held" and not book.is_disputed and book.due <= self.now:
                book.status = "granted"
        self.come(TICKS, ticked)

    def _times(self) -> dict[str, Any]:
        self.count += 1
        return {"event_id": f"e{self.count}", "event_time": self.now, "received_at": self.now}

    def _about(self, name: str, book: OrderBook) -> dict[str, Any]:
        return {**self._times(), "user_id": book.user, "order_id": name}

    def sums(self) -> dict[tuple[str, str], Fraction]:
        totals: Counter[tuple[str, str]] = Counter()
        for entry in self.host.log(REWARDS):
            assert isinstance(entry, RewardDecided)
            key = entry.order_id or "", entry.role
            totals[key] += EFFECTS.get(entry.status, 0) * entry.value_micros
        return {key: Fraction(total, UNIT) for key, total in totals.items() if total}

    def expected(self) -> dict[tuple[str, str], Fraction]:
        return {
            (name, role): worth
            for name, book in self.orders.items()
            for role in ("referrer", "referee")
            if (worth := book.worth(role))
        }


KINDS: Final = (*["buy"] * 9, *["refund"] * 3, *["dispute"] * 3, "review", "tick")


def _money(units: Fraction) -> dict[str, Any]:
    return {"amount_micros": int(units * UNIT), "currency": "EUR"}


def _counts(book: OrderBook) -> bool:
    """Whether the order's reward was granted and not reversed as a whole: a dispute only holds."""
    return book.status == "granted" and bool(book.remains)


def played(seed: int, hold_for: int) -> Play:
    rng, play = Random(seed), Play(hold_for)
    for nth in range(140):
        play.step(rng)
        if nth % 20 == 0:
            assert play.sums() == play.expected()
    play.tick(3 * DAY)
    assert play.sums() == play.expected()
    return play


@pytest.mark.parametrize("hold_for", [0, 12 * HOUR])
@pytest.mark.parametrize("seed", range(12))
def test_each_order_has_the_rate_of_its_referral_s_number(seed: int, hold_for: int) -> None:
    played(seed, hold_for)


def test_these_histories_reach_all_tiers() -> None:
    """Else the property would say nothing."""
    play = played(1, 0)
    assert {book.rate for book in play.orders.values() if book.worth("referrer")} == {20, 25, 30}
    assert any(book.is_disputed for book in play.orders.values())
    assert any(book.status == "reversed" for book in play.orders.values())

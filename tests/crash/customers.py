"""Customers who act as time goes by: they sign up, buy, and want their money back.

Input: the plan, and `rewards`. Output: events, over HTTP. Most are honest; some sign up faster than
people can, so that their rewards are held. Which orders are paid back, in part or in full, and
whether while the reward is held, granted or already fulfilled, follows from the reward's id. That
goes for the simulated orders as well.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Final

from crash.following import follow
from crash.load import PATIENCE
from crash.terms import customers_code
from reftrail.client import Reftrail
from reftrail.contracts.decisions import RewardDecided, RewardStatus, Role
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import HOUR, MINUTE, SECOND, Millis
from reftrail.contracts.reward_reasons import is_again
from reftrail.contracts.times import now
from reftrail.contracts.topics import REWARDS
from reftrail.rules.decider import derived_id
from reftrail.simulator import Occurrence
from reftrail.simulator.journey import BROWSERS

_HASTY: Final = 3
"""Every third one."""
_PART, _REST = "1.00", None
_PAID_BACK: Final[dict[tuple[str, int], tuple[str | None, ...]]] = {
    **dict.fromkeys([(RewardStatus.HELD, digit) for digit in (0, 1)], (_REST,)),
    **dict.fromkeys([(RewardStatus.HELD, digit) for digit in (2, 3)], (_PART,)),
    **dict.fromkeys([(RewardStatus.GRANTED, digit) for digit in (4, 5)], (_REST,)),
    **dict.fromkeys([(RewardStatus.GRANTED, digit) for digit in (6, 7)], (_PART,)),
    **dict.fromkeys([(RewardStatus.FULFILLED, digit) for digit in (8, 9)], (_REST,)),
    **dict.fromkeys([(RewardStatus.FULFILLED, digit) for digit in (10, 11)], (_PART,)),
    (RewardStatus.FULFILLED, 12): (_PART, _REST),
}
"""The part paid back of an order whose reward is so, by the last digit but one of its id."""


class Customers:
    """So many of them, count, over some seconds. acknowledged is as in `Load`."""

    def __init__(self, count: int, seconds: float) -> None:
        self.acknowledged: set[str] = set()
        self.count = count
        self._seconds = seconds

    @contextmanager
    def shopping(self, installation: Installation, url: str, key: str) -> Iterator[None]:
        """They come one after the other, and ask for refunds until the end.

        Raises at the end what went wrong. Then everything has been acknowledged.
        """
        closing = Event()
        with (
            ThreadPoolExecutor(2) as pool,
            Reftrail(url, key, patience=PATIENCE, own_clock=False) as client,
        ):
            work: Sequence[tuple[Callable[..., None], Sequence[object]]] = (
                (self._come, (client, closing)),
                (self._want_money_back, (installation, client, closing)),
            )
            at_work: list[Future[None]] = [pool.submit(do, *given) for do, given in work]
            try:
                yield
            finally:
                closing.set()
            for task in at_work:
                task.result()

    def shop_on(self, url: str, key: str, count: int) -> None:
        """Have so many more come at once."""
        with Reftrail(url, key, patience=PATIENCE, own_clock=False) as client:
            for number in range(self.count, self.count + count):
                self._send(client, *visit(number, now()))

    def _come(self, client: Reftrail, closing: Event) -> None:
        began = time.monotonic()
        for number in range(self.count):
            due = began + self._seconds * number / self.count
            if closing.wait(max(0.0, due - time.monotonic())):
                return
            self._send(client, *visit(number, now()))

    def _want_money_back(self, installation: Installation, client: Reftrail, end: Event) -> None:
        for entries in follow(installation, REWARDS, end.is_set):
            found = [event for entry in entries for event in refunds(entry, now())]
            if found:
                self._send(client, *found)

    def _send(self, client: Reftrail, *events: Occurrence) -> None:
        receipt = client.send(event.as_json() for event in events)
        if receipt.accepted != len(events):
            raise AssertionError(f"the collector rejected {receipt.rejected}")
        self.acknowledged.update(event.event_id for event in events)


def visit(number: int, at: Millis) -> list[Occurrence]:
    """The click, the signup and, at last, the purchase of one customer."""
    user, is_hasty = f"customer-{number}", number % _HASTY == 0
    clicked = at - (MINUTE if is_hasty else 2 * HOUR)
    signed_up = clicked + (SECOND if is_hasty else HOUR)
    visitor = {
        "visitor_id": f"shopper-{number}",
        "device_id": f"shopper's device {number}",
        "ip": f"172.16.{number // 250}.{1 + number % 250}",
        "user_agent": BROWSERS[0],
    }
    order = {"order_id": f"shopping-{number}", "amount": "50.00", "currency": "USD"}
    return [
        Occurrence("click", _id(user, "click"), clicked, code=customers_code(number), **visitor),
        Occurrence("signup", _id(user, "signup"), signed_up, user_id=user, **visitor),
        Occurrence("purchase", _id(user, "purchase"), at, user_id=user, **order),
    ]


def refunds(entry: RewardDecided, at: Millis) -> Iterator[Occurrence]:
    """The refunds of orders that have earned somebody a reward."""
    if entry.role != Role.REFERRER or entry.order_id is None:
        return
    if is_again(entry):
        return
    digit = int(entry.reward_id[-2], 16)
    for part in _PAID_BACK.get((entry.status, digit), ()):
        amount = part if entry.currency == "USD" else None  # all of an invoice in another currency
        yield Occurrence(
            "refund",
            _id(entry.reward_id, entry.status, part or "the rest"),
            at,
            user_id=entry.user_id,
            order_id=entry.order_id,
            amount=amount,
            currency=None if amount is None else "USD",
        )


def _id(*words: str) -> str:
    return derived_id("customer", *words)

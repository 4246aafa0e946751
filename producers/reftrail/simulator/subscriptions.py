"""Subscriptions: monthly invoices, upgrades, partial refunds, disputes that are won and lost.

Shops report refunds in several manners, some of them twice, some too late. Each report is sent with
the money that really moves, so that the truth has no need to understand what reports say.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reftrail.contracts.record import DAY, HOUR, MINUTE, Millis
from reftrail.simulator.journey import Journey
from reftrail.simulator.journeys import signs_up
from reftrail.simulator.occurrence import PLACES, Moved, decimal
from reftrail.simulator.programme import PARTNERS

MONTH: Final = 30 * DAY

_TAX_PERCENT: Final = 19
_PRICES: Final = (9_00, 19_99, 29_00, 49_90, 99_00, 249_00)
"""Prices by the month, without tax: cents, as many yen, or ten times as many fils."""


class Invoice(NamedTuple):
    """A paid order of a subscription; its amount with tax in minor units."""

    order_id: str
    at: Millis
    amount: int


@dataclass(slots=True)
class Subscription:
    """A user's subscription at a price, without tax, in minor units of a currency."""

    on: Journey
    user: str
    currency: str
    price: int

    @classmethod
    def of(cls, on: Journey, user: str) -> "Subscription":
        """A new subscription of some kind."""
        currency = on.rng.choice(("USD", "USD", "EUR", "JPY", "KWD"))
        price = on.rng.choice(_PRICES)
        return cls(on, user, currency, price * 10 ** max(0, PLACES[currency] - 2))

    def runs(self, first: Millis, months: int) -> None:
        """Invoices month by month; some customers upgrade, and pay the difference at once."""
        rng, at = self.on.rng, first
        for _ in range(months):
            self._with_troubles(self.invoice(at, self.price))
            if rng.random() < 0.15:
                upgraded = at + rng.randrange(DAY, 29 * DAY)
                more = self.price * rng.choice((1, 2))
                rest = max(1, more * (at + MONTH - upgraded) // MONTH)
                self._with_troubles(self.invoice(upgraded, rest))
                self.price += more
            at += MONTH

    def invoice(self, at: Millis, net: int) -> Invoice:
        """An invoice, whose tax is reported in one of several ways, or not known."""
        on = self.on
        order_id = f"invoice-{on.number}-{len(on.steps)}"
        tax = net * _TAX_PERCENT // 100
        amount: dict[str, Any] = {"amount": self._text(net + tax), "currency": self.currency}
        match on.rng.randrange(3):
            case 0:
                amount["tax"] = self._text(tax)
            case 1:
                amount["net_amount"] = self._text(net)
            case _:
                net += tax
        paid = net + tax if len(amount) > 2 else net
        on.happens(
            "purchase",
            at,
            sent_at=at + HOUR if on.rng.random() < 0.05 else None,
            moved=Moved(paid=paid, net=net),
            **self._about(order_id),
            **amount,
        )
        return Invoice(order_id, at, paid)

    def _with_troubles(self, invoice: Invoice) -> None:
        """Some invoices are paid back in part, some are disputed, a few both."""
        rng, left = self.on.rng, invoice.amount
        at = self.on.soon(invoice.at + MINUTE, 10 * DAY)
        if rng.random() < 0.2:
            parts = [max(1, left // rng.randrange(3, 9)) for _ in range(2)]
            left -= rng.choice(_REPORTS)(self, invoice, at, parts)
        if rng.random() < 0.1 and left > 0:
            rng.choice(_DISPUTES)(self, invoice, self.on.soon(at, 10 * DAY), left)

    def refund(self, invoice: Invoice, at: Millis, returned: int, **facts: Any) -> None:
        """Report a refund with which so much money really goes back."""
        moved = Moved(returned=returned)
        self.on.happens("refund", at, moved=moved, **self._about(invoice.order_id), **facts)

    def says(
        self, kind: str, invoice: Invoice, at: Millis, *, returned: int = 0, **part: Any
    ) -> None:
        """Report a stage of the invoice's dispute."""
        facts = self._about(invoice.order_id) | {"dispute_id": f"dispute-{invoice.order_id}"}
        self.on.happens(kind, at, moved=Moved(returned=returned), **facts, **part)

    def amount(self, minor: int, field: str = "amount") -> dict[str, Any]:
        """An amount in the subscription's currency as a field of an event."""
        return {field: self._text(minor), "currency": self.currency}

    def _text(self, minor: int) -> str:
        return decimal(minor, self.currency)

    def _about(self, order_id: str) -> dict[str, Any]:
        return {"visitor_id": None, "user_id": self.user, "order_id": order_id}


def subscribes(on: Journey) -> None:
    """Signs up through a partner's code, and pays for some months."""
    on.happens("click", on.starts, code=on.good_code(PARTNERS))
    at = on.soon(on.starts, DAY)
    signs_up(on, at, buys=False)
    first = on.soon(at + HOUR, 2 * DAY)
    Subscription.of(on, on.user).runs(first, on.rng.randrange(1, 7))


def _by_id(to: Subscription, invoice: Invoice, at: Millis, parts: list[int]) -> int:
    """Report each refund twice, under different event ids and the same refund id."""
    for nth, part in enumerate(parts):
        refund_id = f"refund-{invoice.order_id}-{nth}"
        to.refund(invoice, at, part, refund_id=refund_id, **to.amount(part))
        to.refund(invoice, at + HOUR, 0, refund_id=refund_id, **to.amount(part))
        at = to.on.soon(at + HOUR, DAY)
    return sum(parts)


def _by_totals(to: Subscription, invoice: Invoice, at: Millis, parts: list[int]) -> int:
    """Report after each refund how much was refunded in all."""
    for total, part in _running(parts):
        to.refund(invoice, at, part, **to.amount(total, "amount_refunded"))
        at = to.on.soon(at, DAY)
    return sum(parts)


def _by_last_total(to: Subscription, invoice: Invoice, at: Millis, parts: list[int]) -> int:
    """Report the total after the last refund only; the reports before were lost."""
    to.refund(invoice, at, sum(parts), **to.amount(sum(parts), "amount_refunded"))
    return sum(parts)


def _by_shop_and_bank(to: Subscription, invoice: Invoice, at: Millis, parts: list[int]) -> int:
    """Have the shop report each refund, and the payment provider the total after it."""
    for total, part in _running(parts):
        refund_id = f"refund-{invoice.order_id}-{total}"
        to.refund(invoice, at, part, refund_id=refund_id, **to.amount(part))
        to.refund(invoice, at + MINUTE, 0, **to.amount(total, "amount_refunded"))
        at = to.on.soon(at + MINUTE, DAY)
    return sum(parts)


def _by_amount(to: Subscription, invoice: Invoice, at: Millis, parts: list[int]) -> int:
    """Report one refund, with neither an id nor a total."""
    to.refund(invoice, at, parts[0], **to.amount(parts[0]))
    return parts[0]


def _in_full(to: Subscription, invoice: Invoice, at: Millis, parts: list[int]) -> int:
    """Report a refund in part by its total, and then one of all that is left."""
    to.refund(invoice, at, parts[0], **to.amount(parts[0], "amount_refunded"))
    to.refund(invoice, to.on.soon(at, DAY), invoice.amount - parts[0])
    return invoice.amount


def _running(parts: list[int]) -> Iterator[tuple[int, int]]:
    total = 0
    for part in parts:
        total += part
        yield total, part


def _is_won(to: Subscription, invoice: Invoice, at: Millis, left: int) -> None:
    """Open a dispute that is won some weeks later."""
    to.says("dispute_opened", invoice, at, **to.amount(left))
    to.says("dispute_won", invoice, at + to.on.rng.randrange(7 * DAY, 40 * DAY))


def _is_lost(to: Subscription, invoice: Invoice, at: Millis, left: int) -> None:
    """Open a dispute about all that is left, and lose it; the bank says so twice."""
    to.says("dispute_opened", invoice, at)
    end = at + to.on.rng.randrange(7 * DAY, 40 * DAY)
    to.says("dispute_lost", invoice, end, returned=left, **to.amount(left))
    to.says("dispute_lost", invoice, end + HOUR, **to.amount(left))


def _is_lost_in_part(to: Subscription, invoice: Invoice, at: Millis, left: int) -> None:
    """Lose a dispute about a part, whose opening was never reported."""
    part = max(1, left // 4)
    to.says("dispute_lost", invoice, at + 20 * DAY, returned=part, **to.amount(part))


def _is_open(to: Subscription, invoice: Invoice, at: Millis, left: int) -> None:
    """Open a dispute that nobody ends."""
    to.says("dispute_opened", invoice, at, **to.amount(max(1, left // 2)))


_REPORTS: Final[tuple[Callable[[Subscription, Invoice, Millis, list[int]], int], ...]] = (
    _by_id,
    _by_totals,
    _by_last_total,
    _by_shop_and_bank,
    _by_amount,
    _in_full,
)
_DISPUTES: Final[tuple[Callable[[Subscription, Invoice, Millis, int], None], ...]] = (
    _is_won,
    _is_won,
    _is_lost,
    _is_lost_in_part,
    _is_open,
)

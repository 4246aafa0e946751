"""Events about one order of a shop, which its webhooks tell as a whole at each change."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from reftrail.connectors.amounts import rounded, total, written
from reftrail.connectors.deliveries import Event, Unreadable, event

_NEW_FOR: Final = timedelta(days=1)
"""The age up to which a customer is a new one, who may have typed a friend's code in."""


class Repaid(NamedTuple):
    """A refund of an order."""

    refund_id: str
    amount: Decimal
    at: str | None


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order, and who bought. left is what its items still cost, where the shop says that.

    paid_at None: it isn't paid. customer_since is when the customer was first known. outstanding is
    what of left isn't paid: items that an edit added. vouchers is the part of the amount for gift
    cards. codes: those that the buyer gave, by precedence.
    """

    provider: str
    order_id: str
    customer: str | None
    amount: Decimal
    currency: str
    paid_at: str | None
    customer_since: str | None = None
    tax: Decimal | None = None
    shipping: Decimal | None = None
    vouchers: Decimal = Decimal(0)
    visitor_id: str | None = None
    codes: tuple[str, ...] = ()
    refunds: tuple[Repaid, ...] = ()
    left: Decimal | None = None
    outstanding: Decimal | None = None

    @property
    def user_id(self) -> str:
        """The customer; a guest is one in each order."""
        return self.customer or f"guest:{self.order_id}"

    @property
    def paid(self) -> Decimal:
        """The paid part of the amount, without what an edit of the order added to it or swapped."""
        if self.left is None or self.outstanding is None:
            return self.amount
        paid = self.left - self.outstanding + total(repaid.amount for repaid in self.refunds)
        return min(self.amount, max(paid, Decimal(0)))

    def events(self, context: dict[str, Any]) -> list[Event]:
        """A signup where the order says who brought its customer, the purchase, and refunds.

        A user's first signup decides, so that of a later order changes nothing. context are more
        fields of signup and purchase. An order of nothing is no purchase.
        """
        if self.paid_at is None:
            return []
        about = {"user_id": self.user_id, "order_id": self.order_id}
        if self.paid == 0:
            return [*self._signup(context)]
        purchase = event(
            "purchase",
            (self.provider, self.order_id),
            **about,
            event_time=self.paid_at,
            amount=self._written(self.paid),
            currency=self.currency,
            tax=None if self.tax is None else self._written(self.tax),
            shipping=None if self.shipping is None else self._written(self.shipping),
            net_amount=self._net(),
            **context,
        )
        return [*self._signup(context), purchase, *self._refunds(about)]

    def _net(self) -> str | None:
        """The net amount of an order with gift cards: each is part of the order that it pays."""
        if self.vouchers <= 0:
            return None
        costs = total(cost for cost in (self.tax, self.shipping) if cost is not None)
        return self._written(max(self.paid - costs - self.vouchers, Decimal(0)))

    def _written(self, amount: Decimal) -> str:
        return written(rounded(amount, self.currency))

    @property
    def given_codes(self) -> tuple[str, ...]:
        """The codes that count: none of a customer of long standing, who is nobody's friend."""
        return self.codes if self.paid_at is not None and self._is_new() else ()

    def _signup(self, context: dict[str, Any]) -> Iterable[Event]:
        code = next(iter(self.given_codes), None)
        if self.visitor_id or code:
            yield event(
                "signup",
                (self.provider, self.user_id),
                user_id=self.user_id,
                event_time=self.customer_since or self.paid_at,
                visitor_id=self.visitor_id,
                code=code,
                **context,
            )

    def _is_new(self) -> bool:
        """Whether the customer came with this order, as far as the shop says."""
        if self.customer_since is None or self.paid_at is None:
            return True
        try:
            came, paid = map(datetime.fromisoformat, (self.customer_since, self.paid_at))
            return paid - came <= _NEW_FOR
        except (TypeError, ValueError) as error:
            raise Unreadable("a time isn't written as in RFC 3339") from error

    def _refunds(self, about: dict[str, str]) -> Iterable[Event]:
        """Each refund under its id, and what an edit took from the order without one."""
        identity = (self.provider, self.order_id)
        for repaid in self.refunds:
            if repaid.amount > 0:
                yield event(
                    "refund",
                    (*identity, repaid.refund_id),
                    **about,
                    event_time=repaid.at,
                    refund_id=repaid.refund_id,
                    amount=self._written(repaid.amount),
                    currency=self.currency,
                )
        gone = Decimal(0) if self.left is None else self.paid - self.left
        if gone > total(repaid.amount for repaid in self.refunds):
            yield event(
                "refund",
                (*identity, "edited", written(gone)),
                **about,
                amount_refunded=self._written(gone),
                currency=self.currency,
            )

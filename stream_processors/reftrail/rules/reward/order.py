"""An order and its refunds."""

import msgspec

from reftrail.contracts.record import Micros


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order, or the refunds of an order whose purchase isn't known yet (amount None).

    minimum_micros is the least amount that earns. paid_back has the sum of refunds by currency,
    refunds the fingerprints of their events. is_paid_back is set by a refund without an amount: it
    is all of the order. counted_as is the trigger towards which the order counts, counted the
    number or amount. on_refund is the policy for refunds.
    """

    order_id: str
    amount_micros: Micros | None = None
    currency: str | None = None
    minimum_micros: Micros = 0
    paid_back: tuple[tuple[str | None, Micros], ...] = ()
    refunds: tuple[int, ...] = ()
    is_paid_back: bool = False
    counted_as: str = ""
    counted: int = 0
    on_refund: str = ""

    @property
    def refunded(self) -> Micros | None:
        """The refunded part of the amount; None if there was no refund.

        A refund without an amount is all of the order. A refund in another currency doesn't count.
        """
        if self.amount_micros is None:
            return None
        if self.is_paid_back:
            return self.amount_micros
        counted = [micros for currency, micros in self.paid_back if not self._is_foreign(currency)]
        return min(sum(counted), self.amount_micros) if counted else None

    @property
    def has_foreign_refund(self) -> bool:
        """Whether there was a refund in another currency than the order's."""
        return any(self._is_foreign(currency) for currency, _ in self.paid_back)

    def _is_foreign(self, currency: str | None) -> bool:
        is_known = self.amount_micros is not None
        return is_known and currency not in (None, self.currency)

    @property
    def left(self) -> Micros:
        """The amount without its refunds."""
        return (self.amount_micros or 0) - (self.refunded or 0)

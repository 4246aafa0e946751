"""An order and its refunds."""

from collections.abc import Iterator

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.record import Micros
from reftrail.rules.decider import fingerprint
from reftrail.rules.reward.dispute_reports import (
    LARGEST_SUM,
    ByCurrency,
    DisputeCell,
    DisputeSum,
    OlderDispute,
    sum_of,
    with_change,
)


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order, or the refunds of an order whose purchase isn't known yet (amount None).

    minimum_micros is the least amount that earns. is_paid_back is set by a refund without an
    amount: it is all of the order. paid_back has the sum of all others by currency, each by itself
    in a cell (`RefundCell`), so that no order grows with its refunds. refunds and named are of
    state from before that, and get no more: refunds has fingerprints of the events of those without
    an id, named the fingerprints of ids, with the currency and the amount. disputed has the sum of
    all disputes, each by itself in a cell too (`DisputeCell`); disputes are of state from before
    that, and get no more. What lost ones took counts besides refunds. paid_back_in_all has by
    currency the largest total that a refund reported of its order. counted_as is the trigger
    towards which the order counts, counted the number or amount. on_refund is the policy for
    refunds.
    """

    order_id: str
    amount_micros: Micros | None = None
    currency: str | None = None
    minimum_micros: Micros = 0
    paid_back: ByCurrency = ()
    refunds: tuple[int, ...] = ()
    is_paid_back: bool = False
    counted_as: str = ""
    counted: int = 0
    on_refund: str = ""
    named: tuple[tuple[int, str | None, Micros], ...] = ()
    paid_back_in_all: ByCurrency = ()
    disputes: tuple[OlderDispute, ...] = ()
    disputed: tuple[DisputeSum, ...] = ()

    @property
    def refunded(self) -> Micros | None:
        """The refunded part of the amount; None if there was no refund.

        A refund without an amount is all of the order. A refund in another currency doesn't count.
        Refunds by themselves and totals report the same money: the larger of both holds, so that
        it doesn't matter in which order they come, or which of them is missing.
        """
        if self.amount_micros is None:
            return None
        if self.is_paid_back:
            return self.amount_micros
        lost = self._disputes.lost
        single = [micros for currency, micros in self._single() if not self._is_foreign(currency)]
        totals = [
            micros for currency, micros in self.paid_back_in_all if not self._is_foreign(currency)
        ]
        if not single and not totals and lost is None:
            return None
        refunds = max(sum(single), *totals, 0)
        return min(refunds + (lost or 0), self.amount_micros)

    def _single(self) -> Iterator[tuple[str | None, Micros]]:
        yield from self.paid_back
        for _, currency, micros in self.named:
            yield currency, micros

    @property
    def has_foreign_refund(self) -> bool:
        """Whether there was a refund in another currency than the order's."""
        known = [currency for currency, _ in (*self._single(), *self.paid_back_in_all)]
        has_foreign_loss = self.amount_micros is not None and self._disputes.foreign > 0
        return has_foreign_loss or any(map(self._is_foreign, known))

    @property
    def is_disputed(self) -> bool:
        """Whether a dispute about it is open."""
        return self._disputes.opened > 0

    @property
    def _disputes(self) -> DisputeSum:
        """The sum of all disputes, as the order's currency takes them."""
        sums = self.disputed
        for older in self.disputes:
            sums = with_change(sums, DisputeCell(), older.as_cell(self.currency))
        return sum_of(sums, self.currency)

    def older_dispute(self, key: int) -> DisputeCell | None:
        """A dispute that state from before disputes had cells knows."""
        found = (older for older in self.disputes if older.key == key)
        return next((older.as_cell(self.currency) for older in found), None)

    def with_dispute(self, key: int, before: DisputeCell, after: DisputeCell) -> "Order":
        """The order with a change of one dispute, which has a cell from now on."""
        older = tuple(older for older in self.disputes if older.key != key)
        if older != self.disputes:
            before = DisputeCell()
        disputed = with_change(self.disputed, before, after)
        return msgspec.structs.replace(self, disputes=older, disputed=disputed)

    def _is_foreign(self, currency: str | None) -> bool:
        is_known = self.amount_micros is not None
        return is_known and currency not in (None, self.currency)

    def with_refund(self, claim: Claimed, counted: Micros | None = None) -> "Order":
        """The order with one refund more; an equal one if it adds nothing to what is known.

        claim is a refund with an amount, a total of the order's refunds by then, both or neither.
        counted is the amount that is known of it in its currency; None: it isn't known.
        """
        order, total = self, claim.amount_refunded_micros
        if total is not None:
            order = _with_total(order, claim.currency, total)
        if claim.amount_micros is not None:
            return _with_part(order, claim.currency, claim.amount_micros, counted)
        return order if total is not None else msgspec.structs.replace(order, is_paid_back=True)

    @property
    def left(self) -> Micros:
        """The amount without its refunds."""
        return (self.amount_micros or 0) - (self.refunded or 0)


def _with_total(order: Order, currency: str | None, total: Micros) -> Order:
    totals = dict(order.paid_back_in_all)
    totals[currency] = max(total, totals.get(currency, 0))
    return msgspec.structs.replace(order, paid_back_in_all=tuple(totals.items()))


def _with_part(order: Order, currency: str | None, amount: Micros, counted: Micros | None) -> Order:
    """The order with what a report of a refund adds to what is counted of that refund."""
    if counted is not None and amount <= counted:
        return order
    sums = dict(order.paid_back)
    sums[currency] = min(sums.get(currency, 0) + amount - (counted or 0), LARGEST_SUM)
    return msgspec.structs.replace(order, paid_back=tuple(sums.items()))


class RefundCell(msgspec.Struct, frozen=True, array_like=True):
    """One refund of an order: by currency the amount that is counted of it."""

    amounts: ByCurrency = ()

    def counted(self, claim: Claimed, order: Order) -> Micros | None:
        """The amount that is counted of a refund, in the currency of its report; None if none is.

        A refund without an id is an event, which counts with its first report.
        """
        if claim.refund_id is None:
            seen = fingerprint(claim.action_event_id)
            return claim.amount_micros if self.amounts or seen in order.refunds else None
        key = fingerprint(claim.refund_id), claim.currency
        before = {(name, currency): micros for name, currency, micros in order.named}
        return dict(self.amounts).get(claim.currency, before.get(key))

    def with_report(self, claim: Claimed) -> "RefundCell":
        """The refund with what a report of it says."""
        assert claim.amount_micros is not None
        known = dict(self.amounts) | {claim.currency: claim.amount_micros}
        return RefundCell(tuple(known.items()))


def refund_name(claim: Claimed) -> str:
    """The name of a refund's cell: that of its id, or else of its event, and its order."""
    by_id = claim.refund_id is not None
    name = fingerprint(claim.refund_id or "" if by_id else claim.action_event_id)
    return f"{'i' if by_id else 'e'}{name:x}:{claim.order_id}"

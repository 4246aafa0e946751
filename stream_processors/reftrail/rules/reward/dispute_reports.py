"""Disputes about an order: what was reported of each, and what all of them take of the order."""

from typing import Final, TypeAlias

import msgspec

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.record import Micros
from reftrail.rules.decider import fingerprint

LARGEST_SUM: Final = 2**63 - 1
"""To which amount amounts are added up at most: that of the largest order. More can't be packed."""

ByCurrency: TypeAlias = tuple[tuple[str | None, Micros], ...]
"""Amounts by currency. One without a currency is in that of its order."""

_ANY: Final = ""
"""The currency of an order of which no report names the currency."""

_replace: Final = msgspec.structs.replace


class DisputeSum(msgspec.Struct, frozen=True, array_like=True):
    """The sum of an order's disputes, if the order is in a currency.

    opened is the number of those that are open, lost what was lost of the order, LARGEST_SUM for
    all of it, and foreign the number of those with a loss in another currency.
    """

    currency: str
    opened: int = 0
    lost: Micros | None = None
    foreign: int = 0


class DisputeCell(msgspec.Struct, frozen=True, array_like=True):
    """A dispute about an order, by what was reported of it.

    opened and lost are how much of the order it is about, as the reports of its opening and loss
    say: by currency the largest amount. is_lost_unnamed says that a loss named none. An amount in
    another currency than the order's counts for nothing, so that a loss that has no other leaves
    the dispute open until it is reported again. taken is the largest part that was lost so far, by
    the order's currency, under None for all currencies that no report names: a later report of
    less doesn't give it again.
    """

    is_opened: bool = False
    is_won: bool = False
    is_lost_unnamed: bool = False
    opened: ByCurrency = ()
    lost: ByCurrency = ()
    taken: ByCurrency = ()

    def is_open_in(self, currency: str | None) -> bool:
        """Whether it isn't decided, as an order in a currency takes it."""
        return self.is_opened and not self.is_won and self.lost_in(currency) is None

    def lost_in(self, currency: str | None) -> Micros | None:
        """The part that an order in a currency has lost; None if it isn't lost there."""
        return dict(self.taken).get(currency if currency in self.currencies else None)

    def with_report(self, claim: Claimed) -> "DisputeCell":
        """The dispute after one report more. A loss is final, in whatever order they come."""
        opened, lost = self.opened, self.lost
        is_loss = claim.action == Action.DISPUTE_LOST
        if claim.action == Action.DISPUTE_OPENED:
            opened = _with_amount(opened, claim)
        if is_loss:
            lost = _with_amount(lost, claim)
        now = DisputeCell(
            self.is_opened or claim.action == Action.DISPUTE_OPENED,
            self.is_won or claim.action == Action.DISPUTE_WON,
            self.is_lost_unnamed or (is_loss and claim.amount_micros is None),
            opened,
            lost,
            self.taken,
        )
        return _replace(now, taken=now.taken_now())

    def sum_in(self, currency: str) -> DisputeSum:
        """The sum of this dispute alone, for an order in a currency."""
        losses = self.lost or (self.opened if self.is_lost_unnamed else ())
        is_foreign = any(named not in (None, currency) for named, _ in losses)
        return DisputeSum(
            currency, int(self.is_open_in(currency)), self.lost_in(currency), int(is_foreign)
        )

    @property
    def currencies(self) -> list[str]:
        """The currencies that its reports name."""
        return list(dict.fromkeys(named for named, _ in (*self.opened, *self.lost) if named))

    def taken_now(self) -> ByCurrency:
        """The largest part that was lost so far, with what reports say by now."""
        before, taken = dict(self.taken), list[tuple[str | None, Micros]]()
        for currency in (None, *self.currencies):
            parts = (before.get(currency, before.get(None)), self._stated_in(currency or _ANY))
            lost = [part for part in parts if part is not None]
            taken += [(currency, max(lost))] if lost else []
        return tuple(taken)

    def _stated_in(self, currency: str) -> Micros | None:
        """The part that reports say was lost; None if none does, or in another currency alone."""
        amounts = amounts_in(self.lost, currency)
        if not amounts and self.is_lost_unnamed:
            amounts = amounts_in(self.opened, currency) if self.opened else [LARGEST_SUM]
        return max(amounts, default=None)


class OlderDispute(msgspec.Struct, frozen=True, array_like=True):
    """A dispute as orders kept it before disputes had cells, by the fingerprint of its id."""

    key: int
    is_opened: bool = False
    is_won: bool = False
    is_lost: bool = False
    opened: ByCurrency = ()
    lost: ByCurrency = ()
    taken: Micros = 0

    def as_cell(self, currency: str | None) -> DisputeCell:
        """The same as a cell, for an order in a currency; None if the order isn't known yet."""
        cell = DisputeCell(
            self.is_opened, self.is_won, self.is_lost and not self.lost, self.opened, self.lost
        )
        taken: dict[str | None, Micros] = dict(cell.taken_now())
        if self.taken == LARGEST_SUM:
            taken = dict.fromkeys((None, *cell.currencies), LARGEST_SUM)
        elif currency is not None:
            name = currency if currency in cell.currencies else None
            if name in taken:
                taken[name] = max(taken[name], self.taken)
        return _replace(cell, taken=tuple(taken.items()))


def amounts_in(reports: ByCurrency, currency: str | None) -> list[Micros]:
    """The amounts in a currency; all of them where it isn't known."""
    return [micros for money, micros in reports if None in (money, currency) or money == currency]


def _with_amount(reports: ByCurrency, claim: Claimed) -> ByCurrency:
    if claim.amount_micros is None:
        return reports
    known = dict(reports)
    known[claim.currency] = max(claim.amount_micros, known.get(claim.currency, 0))
    return tuple(known.items())


def with_change(
    sums: tuple[DisputeSum, ...], before: DisputeCell, after: DisputeCell
) -> tuple[DisputeSum, ...]:
    """The sums of an order's disputes, one of which has changed.

    Currencies that no report names have a sum together. What was lost never gets less.
    """
    known = {row.currency: row for row in sums} or {_ANY: DisputeSum(_ANY)}
    for currency in after.currencies:
        known.setdefault(currency, _replace(known[_ANY], currency=currency))
    return tuple(
        _changed(row, before.sum_in(row.currency), after.sum_in(row.currency))
        for row in known.values()
    )


def _changed(row: DisputeSum, before: DisputeSum, after: DisputeSum) -> DisputeSum:
    lost = row.lost
    if after.lost is not None:
        lost = min((lost or 0) + after.lost - (before.lost or 0), LARGEST_SUM)
    return DisputeSum(
        row.currency,
        row.opened + after.opened - before.opened,
        lost,
        row.foreign + after.foreign - before.foreign,
    )


def sum_of(sums: tuple[DisputeSum, ...], currency: str | None) -> DisputeSum:
    """The sum of an order's disputes, for an order in a currency."""
    known = {row.currency: row for row in sums}
    return known.get(currency or _ANY, known.get(_ANY, DisputeSum(_ANY)))


def dispute_name(claim: Claimed) -> str:
    """The name of a dispute's cell: that of its id, or else of its event, and its order."""
    return f"{dispute_key(claim):x}:{claim.order_id}"


def dispute_key(claim: Claimed) -> int:
    """The fingerprint by which an order knew a dispute before disputes had cells."""
    return fingerprint(claim.dispute_id or claim.action_event_id)

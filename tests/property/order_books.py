"""An owner's book about each order: what was paid, sent back and disputed, and who decided what.

The book knows what happened, in the order in which it became known, and says what a side is
worth by now. It repeats none of the rules' code: amounts are fractions of a currency, and what
counts follows from what people decided. `test_order_sums` holds the ledger to it.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple

HOUR: Final = 3_600_000
REVIEW_TIME: Final = 8 * HOUR
"""For how long a suspicion waits for a review."""
WINDOW_DAYS: Final = 30
"""The days before the present one from which small adjustments of a beneficiary add up."""
ALL: Final = Fraction(10**9)
PLACES: Final = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}


@dataclass(frozen=True)
class SideTerms:
    """The value of an order for a side: a share up to a maximum, a value, or one by its amount."""

    rate: Fraction | None = None
    maximum: Fraction | None = None
    value: Fraction = Fraction(0)
    bands: tuple[tuple[Fraction, Fraction], ...] = ()


@dataclass(frozen=True)
class OrderTerms:
    """A campaign's terms. on_refund: reverse, proportional or keep. hold_for is in milliseconds."""

    sides: dict[str, SideTerms]
    on_refund: str = "reverse"
    minimum: Fraction = Fraction(0)
    hold_for: int = 0
    approval_above: Fraction | None = None


@dataclass
class AdjustmentBook:
    """An adjustment by hand of a side: what it gives or takes, who asked for it, and its status.

    That is adjusted, held or declined.
    """

    role: str
    amount: Fraction
    actor: str
    status: str

    def decide(self, decision: str, actor: str) -> None:
        """A second person decides, if it waits for that. Nobody approves an own one."""
        if self.status != "held" or (decision == "approve" and actor == self.actor):
            return
        self.status = "adjusted" if decision == "approve" else "declined"


class Report(NamedTuple):
    """A report of a dispute: opened, won or lost, of which part; in the order's currency if None.

    Without a part it is about all of the order.
    """

    what: str
    part: Fraction | None = None
    currency: str | None = None


@dataclass
class Dispute:
    """All that was reported of a dispute, as it came."""

    reports: list[Report] = field(default_factory=list)

    def hear(self, report: Report) -> bool:
        """Note a report; False if it says nothing new."""
        alike = [known for known in self.reports if known.what == report.what]
        if report.part is None:
            is_known = any(known.part is None or known.what != "lost" for known in alike)
        else:
            parts = (known.part for known in alike if known.currency == report.currency)
            is_known = any(part is not None and part >= report.part for part in parts)
        if not is_known:
            self.reports.append(report)
        return not is_known

    def lost_in(self, currency: str) -> Fraction | None:
        """The part of an order in a currency that is lost, never less than it was once."""
        until_now = (self.reports[:nth] for nth in range(1, len(self.reports) + 1))
        stated = (_stated(reports, currency) for reports in until_now)
        return max((part for part in stated if part is not None), default=None)

    def is_open_in(self, currency: str) -> bool:
        what = {report.what for report in self.reports}
        return "opened" in what and "won" not in what and self.lost_in(currency) is None


def _stated(reports: list[Report], currency: str) -> Fraction | None:
    """The part that reports say an order in a currency has lost, ALL for all of it.

    The loss says it, or else the opening. What they say in another currency is refused.
    """
    losses = [report for report in reports if report.what == "lost"]
    named = _parts(losses, currency)
    if named or all(report.part is not None for report in losses):
        return max(named, default=None)
    opened = [report for report in reports if report.what == "opened" and report.part is not None]
    return max(_parts(opened, currency), default=None) if opened else ALL


def _parts(reports: list[Report], currency: str) -> list[Fraction]:
    return [
        report.part
        for report in reports
        if report.part is not None and report.currency in (None, currency)
    ]


@dataclass
class SideBook:
    """One side's reward. status is nothing, held, granted, delivered, rejected or reversed.

    suspended is the status before the dispute that holds it. due is when its hold ends, and
    is_trusted that it is granted then. was_delivered: a partner gave it, whatever came after.
    """

    status: str = ""
    suspended: str = ""
    due: int = 0
    is_trusted: bool = True
    was_delivered: bool = False


@dataclass
class OrderBook:
    """One order under some terms; verdict is what the program thinks of its user.

    That is trusted, suspected or rejected. Amounts are in units of the currency.
    """

    terms: OrderTerms
    verdict: str
    paid: Fraction | None = None
    net: Fraction = Fraction(0)
    currency: str = "EUR"
    bought_at: int = 0
    unnamed: dict[str, Fraction] = field(default_factory=dict)
    named: dict[str, Fraction] = field(default_factory=dict)
    in_all: Fraction = Fraction(0)
    is_all_back: bool = False
    disputes: dict[str, Dispute] = field(default_factory=dict)
    sides: dict[str, SideBook] = field(default_factory=dict)
    adjustments: list[AdjustmentBook] = field(default_factory=list)

    @property
    def remains(self) -> Fraction:
        """The rest of the order after refunds and lost disputes."""
        if self.paid is None:
            return Fraction(0)
        if self.is_all_back:
            return Fraction(0)
        lost = sum(dispute.lost_in(self.currency) or 0 for dispute in self.disputes.values())
        single = sum(self.unnamed.values()) + sum(self.named.values())
        back = max(Fraction(single), self.in_all) + lost
        return max(Fraction(0), self.paid - back)

    @property
    def is_disputed(self) -> bool:
        return any(dispute.is_open_in(self.currency) for dispute in self.disputes.values())

    def value(self, role: str) -> Fraction:
        """The value that the terms give a side for the rest of the order."""
        if self.paid is None or self.paid < self.terms.minimum or not self.paid:
            return Fraction(0)
        left = self.paid if self.terms.on_refund == "keep" else self.remains
        is_whole = self.terms.on_refund == "reverse"
        if not left or (is_whole and left < self.terms.minimum):
            return Fraction(0)
        side, share = self.terms.sides[role], left / self.paid
        if side.bands:
            reached = [value for least, value in side.bands if self.net * share >= least]
            return reached[-1] if reached else Fraction(0)
        if side.rate is not None:
            value = self._rounded(self.net * side.rate * share)
            return value if side.maximum is None else min(value, side.maximum)
        return side.value if is_whole else self._rounded(side.value * share)

    def _rounded(self, value: Fraction) -> Fraction:
        """Half to even, in minor units."""
        minor = 10 ** PLACES[self.currency]
        return Fraction(round(value * minor), minor)

    def worth(self, role: str) -> Fraction:
        """The side's present value of the order, with its adjustments."""
        side = self.sides.get(role, SideBook())
        earned = self.value(role) if side.status in ("granted", "delivered") else Fraction(0)
        return earned + sum(
            adjustment.amount
            for adjustment in self.adjustments
            if adjustment.role == role and adjustment.status == "adjusted"
        )

    def adjust(  # noqa: PLR0917 - what an adjustment is about
        self,
        role: str,
        amount: Fraction,
        currency: str,
        actor: str,
        unseen: list[tuple[int, Fraction]],
        at: int,
    ) -> AdjustmentBook:
        """Somebody adjusts a side by hand; above an amount a second person has to approve it.

        unseen are the days and amounts that its beneficiary got alike and nobody else approved.
        """
        above, day = self.terms.approval_above, at // (24 * HOUR)
        waits = above is not None and (abs(amount) > above or currency != "EUR")
        if above is not None and not waits:
            before = sum(earlier for its_day, earlier in unseen if day - its_day <= WINDOW_DAYS)
            waits = before + abs(amount) > above
            if not waits:
                unseen.append((day, abs(amount)))
        noted = AdjustmentBook(role, amount, actor, "held" if waits else "adjusted")
        self.adjustments.append(noted)
        return noted

    def buy(self, paid: Fraction, net: Fraction, currency: str, at: int, now: int) -> None:
        """The purchase becomes known; only the first report of it counts."""
        if self.paid is not None:
            return
        self.paid, self.net, self.currency, self.bought_at = paid, net, currency, at
        for role in self.terms.sides:
            if self.verdict != "rejected" and not self.value(role):
                continue
            if self.verdict == "rejected":
                self.sides[role] = SideBook("rejected")
            elif self.verdict == "suspected":
                due = max(at + self.terms.hold_for, now + REVIEW_TIME)
                self.sides[role] = SideBook("held", due=due, is_trusted=False)
            elif self.terms.hold_for:
                self.sides[role] = SideBook("held", due=at + self.terms.hold_for)
            else:
                self.sides[role] = SideBook("granted")
        self._suspend()

    def pay_back(
        self, event: str, amount: Fraction | None, refund_id: str | None, in_all: Fraction | None
    ) -> None:
        """A refund becomes known, by its event, by an id, as a total, or as all of the order."""
        if in_all is not None:
            self.in_all = max(self.in_all, in_all)
        if amount is not None and refund_id is not None:
            self.named[refund_id] = max(amount, self.named.get(refund_id, Fraction(0)))
        elif amount is not None:
            self.unnamed[event] = amount
        elif in_all is None:
            self.is_all_back = True
        self._settle()

    def dispute(self, name: str, report: Report) -> None:
        """A dispute is opened, won or lost."""
        if not self.disputes.setdefault(name, Dispute()).hear(report):
            return
        self._settle()
        if self.is_disputed:
            self._suspend()
        else:
            for side in self.sides.values():
                if side.suspended and side.status == "held":
                    side.status, side.suspended = side.suspended, ""

    def _settle(self) -> None:
        """A reward that is worth nothing any more has ended."""
        for role, side in self.sides.items():
            if not self.value(role) and side.status not in ("rejected", "reversed"):
                is_granted = side.status in ("granted", "delivered")
                side.status = "reversed" if is_granted else "rejected"
                side.suspended = ""

    def _suspend(self) -> None:
        for side in self.sides.values():
            if self.is_disputed and not side.suspended and side.status in ("held", "granted"):
                side.suspended, side.status = side.status, "held"

    def tick(self, now: int) -> None:
        """The time passes: holds end, but for those of a dispute."""
        for side in self.sides.values():
            if side.status == "held" and not side.suspended and side.due <= now:
                side.status = "granted" if side.is_trusted else "rejected"

    def allows(self, role: str, decision: str) -> bool:
        """Whether a review of a side is carried out rather than refused."""
        side = self.sides.get(role, SideBook())
        match decision:
            case "approve" | "decline":
                return side.status == "held"
            case "reverse":
                return side.status in ("granted", "delivered")
            case _:
                return side.status in ("rejected", "reversed")

    def review(self, role: str, decision: str, now: int) -> None:
        """Carry out a review, if it is allowed."""
        if not self.allows(role, decision):
            return
        side = self.sides[role]
        match decision:
            case "approve":
                until = self.bought_at + self.terms.hold_for
                if not side.suspended and not side.is_trusted and until > now:
                    side.due, side.is_trusted = until, True
                else:
                    side.status, side.suspended = "granted", ""
            case "decline":
                side.status, side.suspended = "rejected", ""
            case "reverse":
                side.status = "reversed"
            case _ if self.value(role):
                side.status = "delivered" if side.was_delivered else "granted"
                self._suspend()

    def deliver(self, role: str) -> bool:
        """A partner delivered what it was asked for. False if the report is refused."""
        side = self.sides.get(role, SideBook())
        if side.suspended == "granted" or side.status == "granted":
            side.status, side.suspended = "delivered", ""
        elif side.status not in ("reversed", "rejected"):
            return False
        side.was_delivered = True
        return True

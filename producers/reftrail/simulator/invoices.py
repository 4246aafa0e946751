"""Expected shares of a user's invoices, from the money that really moved.

A partner earns a percentage of what remains of an order without its tax. What was returned is known
with each event (`Moved`); no report of a refund or dispute is read for its amount.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

from reftrail.contracts.record import MICROS_PER_UNIT, Micros, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.simulator.final_status import GRANTED, REJECTED, REVERSED, Amount, FinalStatus
from reftrail.simulator.occurrence import PLACES, Step
from reftrail.simulator.orders import objections
from reftrail.simulator.programme import EARNING_MONTHS, TIERS

_ENDS_OF_DISPUTES: Final = ("dispute_won", "dispute_lost")


class Span(NamedTuple):
    """The time in which the orders of a user earn: from since on, until excluded."""

    since: Millis
    until: Millis


class Share(NamedTuple):
    """Outcome of an invoice: its status, its amount by rate, and whether nothing is left of it."""

    status: FinalStatus
    amount: Amount
    is_paid_back: bool


def shares_of_invoices(
    steps: Sequence[Step],
    span: Span,
    campaign: CampaignDefined,
    code: CodeChanged,
    user: str,
) -> dict[str, Share]:
    """Outcomes by action of everything that a user was invoiced for within the span."""
    shares: dict[str, Share] = {}
    returned = _returned(steps)
    disputed = frozenset(_disputed(steps))
    for step in steps:
        event, order_id = step.event, step.event.order_id
        if event.type != "purchase" or order_id is None:
            continue
        if not span.since <= event.event_time < span.until:
            continue
        left = step.moved.paid - returned[order_id]
        amount = _amounts(step, left)
        reasons = objections(code, campaign, user, event.event_time)
        if reasons:
            status = FinalStatus(REJECTED, reasons)
        elif left <= 0 or order_id in disputed:
            status = FinalStatus(REVERSED)
        else:
            status = FinalStatus(GRANTED)
        shares[f"purchase:{order_id}"] = Share(status, amount, left <= 0)
    return shares


def months_later(at: Millis, months: int = EARNING_MONTHS) -> Millis:
    """The same day and time some calendar months later, or the last day of a shorter month."""
    began = datetime.fromtimestamp(at // 1000, UTC)
    year, month = divmod(began.month - 1 + months, 12)
    for day in range(began.day, 0, -1):
        try:
            then = began.replace(year=began.year + year, month=month + 1, day=day)
        except ValueError:
            continue
        return int(then.timestamp()) * 1000 + at % 1000
    raise AssertionError("every month has a first day")


def _returned(steps: Sequence[Step]) -> Counter[str]:
    """The amount that went back to the customer of each order, in minor units."""
    returned: Counter[str] = Counter()
    for step in steps:
        if step.event.order_id is not None:
            returned[step.event.order_id] += step.moved.returned
    return returned


def _disputed(steps: Sequence[Step]) -> Iterator[str]:
    """The orders with a dispute whose end nobody has reported."""
    events = [step.event for step in steps]
    ended = {event.dispute_id for event in events if event.type in _ENDS_OF_DISPUTES}
    for event in events:
        is_open = event.type == "dispute_opened" and event.dispute_id not in ended
        if is_open and event.order_id is not None:
            yield event.order_id


def _amounts(step: Step, left: int) -> Amount:
    """The rest of a share at each rate, rounded once, half to even, to minor units."""
    currency = step.event.currency
    assert currency is not None
    unit = MICROS_PER_UNIT // 10 ** PLACES[currency]
    by_rate: Mapping[str | None, Micros] = {
        str(percent): unit * _rounded(Decimal(step.moved.net * left * percent), step.moved.paid)
        for percent in TIERS.values()
    }
    return Amount(currency, by_rate)


def _rounded(hundredfold: Decimal, parts: int) -> int:
    return int((hundredfold / (100 * parts)).quantize(Decimal(1), ROUND_HALF_EVEN))

"""Expected outcomes of a user's orders, from all that was sent about them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from reftrail.contracts.record import MICROS_PER_UNIT, Micros, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.simulator.final_status import GRANTED, REJECTED, REVERSED, FinalStatus
from reftrail.simulator.occurrence import Occurrence

_NONE: Final = FinalStatus("")


def objections(
    code: CodeChanged, campaign: CampaignDefined, user: str, at: Millis
) -> tuple[str, ...]:
    """The reasons for which an action earns nothing."""
    reasons = []
    if code.status != "active":
        reasons.append("code_inactive")
    if code.expires_at is not None and at >= code.expires_at:
        reasons.append("code_expired")
    starts, ends = campaign.starts_at, campaign.ends_at
    if (starts is not None and at < starts) or (ends is not None and at >= ends):
        reasons.append("campaign_not_running")
    if code.owner_user_id == user:
        reasons.append("self_referral")
    return tuple(reasons)


def outcomes_of_orders(
    events: Sequence[Occurrence],
    since: Millis,
    campaign: CampaignDefined,
    code: CodeChanged,
    user: str,
) -> tuple[dict[str, FinalStatus], set[str]]:
    """Outcomes of a user's orders by action, in the order of sending; and the actions paid back.

    One order at a time earns: the first that counts; once it is paid back, the earliest other one
    that counts. since is the time from which on orders earn.
    """
    orders: dict[str, Occurrence] = {}
    outcomes: dict[str, FinalStatus] = {}

    def counts(order_id: str) -> bool:
        return _counts(orders[order_id], seen, campaign.minimum_amount_micros)

    seen: list[Occurrence] = []
    for event in events:
        seen.append(event)
        if event.order_id is None or event.type not in ("purchase", "refund"):
            continue
        if event.type == "purchase" and event.event_time >= since:
            orders.setdefault(event.order_id, event)
        action = f"purchase:{event.order_id}"
        if outcomes.get(action, _NONE).status == GRANTED and not counts(event.order_id):
            outcomes[action] = FinalStatus(REVERSED)
        for order_id in sorted(orders, key=lambda id_: _when(orders[id_])):
            is_earning = any(verdict.status == GRANTED for verdict in outcomes.values())
            name = f"purchase:{order_id}"
            if is_earning or name in outcomes or not counts(order_id):
                continue
            reasons = objections(code, campaign, user, orders[order_id].event_time)
            outcomes[name] = FinalStatus(REJECTED, reasons) if reasons else FinalStatus(GRANTED)
    fallen = {f"purchase:{order_id}" for order_id in orders if not counts(order_id)}
    return outcomes, fallen & outcomes.keys()


def _when(event: Occurrence) -> tuple[Millis, str]:
    return event.event_time, event.event_id


def _counts(order: Occurrence, seen: Sequence[Occurrence], minimum: Micros) -> bool:
    """Whether an order earns by what is left of it, as far as is known by now."""
    refunds = [
        _paid(order) if other.amount is None else _paid(other)
        for other in seen
        if other.type == "refund" and other.order_id == order.order_id
    ]
    left = _paid(order) - sum(refunds)
    return _paid(order) >= minimum if not refunds else left >= max(minimum, 1)


def _paid(event: Occurrence) -> Micros:
    return int(Decimal(event.amount or 0) * MICROS_PER_UNIT)

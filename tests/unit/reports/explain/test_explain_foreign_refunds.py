"""Explanation of refunds that name another user than the one who bought."""

from typing import Any

from support.decided_log import again, buys, comes, happen, is_same, programme, statuses
from support.programme import T0

from reftrail.contracts.events import Purchase, Refund
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.engine.memory import MemoryHost
from reftrail.reports.explain.explanation import NOTHING, SAME


def refunded() -> MemoryHost:
    """Two referred users; the refund of the first one's order names the second one."""
    host = programme(trigger=Trigger.FIRST_PURCHASE)
    happen(host, [*comes("bob"), *comes("cid", code="BOB"), buys("bob", 3 * HOUR)])
    at = T0 + 5 * HOUR
    named = Refund(event_id="r", event_time=at, received_at=at, user_id="cid", order_id="order bob")
    happen(host, [named])
    return host


def test_decisions_about_both_users_are_the_same_when_made_again() -> None:
    host = refunded()
    assert statuses(host, "bob") == ["granted", "reversed refunded"]
    for user, code in (("bob", "AMY"), ("cid", "BOB")):
        for derivation in again(host, user, code).values():
            assert derivation.verdict in (SAME, NOTHING), derivation
            assert not derivation.gaps


def test_so_are_those_about_orders_of_two_shops_with_one_id() -> None:
    """The second order is refused, and a guest's refund is about the guest's own order."""
    host = programme(trigger=Trigger.FIRST_PURCHASE)
    happen(host, [*comes("bob"), *comes("cid", code="BOB"), buys("bob", 3 * HOUR)])
    for nth, user in enumerate(("cid", "guest")):
        at = T0 + (4 + nth) * HOUR
        common: dict[str, Any] = {"user_id": user, "order_id": "order bob"}
        paid: dict[str, Any] = {"amount_micros": 470 * MICROS_PER_UNIT, "currency": "EUR"}
        bought: dict[str, Any] = {"event_id": f"p{nth}", "event_time": at, "received_at": at}
        paid_back: dict[str, Any] = {
            "event_id": f"r{nth}",
            "event_time": at + 1,
            "received_at": at + 1,
        }
        happen(host, [Purchase(**bought, **common, **paid), Refund(**paid_back, **common)])
    assert statuses(host, "bob") == ["granted"]
    assert statuses(host, "cid") == ["rejected order_of_another"]
    for user, code in (("bob", "AMY"), ("cid", "BOB")):
        for derivation in again(host, user, code).values():
            assert derivation.verdict in (SAME, NOTHING), derivation
            assert not derivation.gaps
    (answer,) = (link for link in is_same(host, "cid", "BOB") if link.what == "LimitAnswered")
    assert answer.fields["refused_by"] == "order:order bob"
    assert (answer.fields["held_amount"], answer.fields["held_currency"]) == ("20.00", "USD")

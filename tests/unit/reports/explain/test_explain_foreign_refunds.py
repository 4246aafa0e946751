"""Explanation of refunds that name another user than the one who bought."""

from support.decided_log import again, buys, comes, happen, programme, statuses
from support.programme import T0

from reftrail.contracts.events import Refund
from reftrail.contracts.record import HOUR
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

"""Amy's ledger, with entries of every status, and her view of it."""

from datetime import UTC, datetime
from typing import Any

from reftrail.contracts.decisions import RewardDecided
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view
from support.clickhouse import ClickHouse
from support.programme import T0, entry

NOW = datetime.fromtimestamp(T0 / 1000, UTC)
FIVE = 5_000_000


def amys(reward_id: str, user: str, status: str, value: int = FIVE, **given: Any) -> RewardDecided:
    return entry(reward_id, "AMY", user, value=value, status=status, beneficiary="amy", **given)


LEDGER = [
    amys("r1", "uma", "granted", event_time=T0 + 1),
    amys("r1", "uma", "fulfilled", event_time=T0 + 5),
    amys("r2", "vic", "granted", event_time=T0 + 2),
    amys("r2", "vic", "reversed", 2_000_000, reasons=["partly_refunded"], event_time=T0 + 6),
    amys("r3", "wes", "granted", event_time=T0 + 3),
    amys("r3", "wes", "reversed", reasons=["refunded"], event_time=T0 + 7),
    amys("r4", "xia", "held", reasons=["owner_ip"], event_time=T0 + 4),
    amys("r5", "yan", "rejected", reasons=["ring"], event_time=T0 + 4),
    amys("r6", "zoe", "held", event_time=T0 + 4),
    amys("r6", "zoe", "granted", event_time=T0 + 8),
    amys("r6", "zoe", "failed", event_time=T0 + 9),
    amys("r6", "zoe", "granted", reasons=["tried_again"], event_time=T0 + 10),
    amys("r7", "abe", "granted", 1, kind="shipment", item="mug", event_time=T0 + 11),
    amys("r7", "abe", "fulfilled", 1, kind="shipment", item="mug", event_time=T0 + 12),
    amys("r8", "bea", "granted", FIVE, currency="EUR", event_time=T0 - 9),
    amys("r8", "bea", "expired", FIVE, currency="EUR", event_time=T0 - 8),
    entry("r9", "AMY", "uma", value=FIVE, role="referee", beneficiary="uma"),
    entry("r10", "BOB", "cat", value=FIVE, beneficiary=None, status="rejected"),
]

FIRST = HistoryPage()


def view(ledger: ClickHouse, user: str = "amy", asked: HistoryPage = FIRST) -> dict[str, Any]:
    return user_view(ledger.reading, user, asked, NOW)

"""Report on disagreements, compared with a list worked out by hand."""

from typing import Any

from support.clickhouse import ClickHouse
from support.programme import T0, click, entry

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import EVENTS, FULFILMENTS, REWARD_GRANTED, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked


def order(of: Any, **given: Any) -> RewardGranted:
    names = ["event_id", "event_time", "received_at", "cause_topic", "cause_partition"]
    names += ["cause_offset", "cause_event_id", "rules", "reward_id", "code", "user_id", "role"]
    names += ["action", "value_micros", "currency", "kind", "campaign_id"]
    taken = {name: getattr(of, name) for name in names}
    return RewardGranted(**taken | {"beneficiary": "amy", "campaign_version": 1} | given)


def report(reward: str, outcome: str = "delivered") -> FulfilmentReported:
    return FulfilmentReported(
        event_id=f"{reward}:{outcome}",
        event_time=T0 + DAY,
        received_at=T0 + DAY,
        code="AMY",
        user_id="uma",
        reward_id=reward,
        role="referrer",
        outcome=outcome,
        kind="credit",
        attempts=1,
    )


async def test_what_disagrees_is_named(clickhouse: ClickHouse) -> None:
    """r1 is well, r2 was never ordered, r3's order has no entry; of r4 only the partner knows."""
    await clickhouse.load(EVENTS, [click("v1", "AMY"), click("v2", "AMY")])
    await clickhouse.load(EVENTS, [click("v3", "AMY", event_id="gone")])
    clickhouse.writing.command("DELETE FROM events WHERE event_id = 'gone'")
    grants = [entry(f"r{nth}", "AMY", "uma", value=5_000_000) for nth in range(1, 5)]
    fulfilled = [
        entry(name, "AMY", "uma", value=5_000_000, status="fulfilled") for name in ("r1", "r5")
    ]
    free = entry("r6", "AMY", "uma", value=0)
    await clickhouse.load(REWARDS, [*grants[:2], grants[3], *fulfilled, free])
    await clickhouse.load(REWARD_GRANTED, [order(grants[nth]) for nth in (0, 2, 3)])
    await clickhouse.load(FULFILMENTS, [report("r1"), report("r4"), report("r2", "failed")])

    found = find("reconciliation")
    rows = ask(clickhouse.reading, found, asked(found, {}), None).rows

    shown = ("expected", "found", "missing", "surplus", "alarm", "breaks")
    assert {row["check"]: tuple(row[name] for name in shown) for row in rows} == {
        "events_stored": (3, 2, 1, 0, "yes", "load 2"),
        "grants_ordered": (3, 2, 1, 0, "yes", grants[1].event_id),
        "orders_granted": (3, 2, 1, 0, "yes", grants[2].event_id),
        "deliveries_entered": (2, 1, 1, 0, "yes", "r4"),
        "entries_delivered": (2, 1, 1, 0, "yes", "r5"),
    }
    early = ask(clickhouse.reading, found, asked(found, {"to": ["2026-09-01"]}), None).rows
    assert early == []

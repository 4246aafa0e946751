"""Report on disagreements, compared with a list worked out by hand."""

from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.placing import placed_facts
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


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("is_placed", [False, True])
async def test_breaks_are_listed_by_day(
    clickhouse: ClickHouse, time_zone: str, *, is_placed: bool
) -> None:
    """Grants of four days, at 21:13 of UTC: in Kolkata it is 02:43 of the next day by then."""
    late = 7 * 60 * 60 * 1000  # after T0
    days = {"r1": 0, "r2": 0, "r3": 1, "r4": 3}
    grants = {
        name: entry(name, "AMY", "uma", value=5_000_000, event_time=T0 + late + day * DAY)
        for name, day in days.items()
    }
    await clickhouse.load(REWARDS, list(grants.values()))
    await clickhouse.load(REWARD_GRANTED, [order(grants[name]) for name in ("r1", "r3")])
    asked_for = {
        "by": ["day"],
        "from": ["2026-09-21"],
        "to": ["2026-09-26"],
        "time_zone": [time_zone],
    }

    found = find("reconciliation")
    placed = placed_facts(clickhouse) if is_placed else None
    rows = ask(clickhouse.reading, found, asked(found, asked_for), None, placed).rows

    first = 22 if time_zone == "Asia/Kolkata" else 21
    expected: dict[str, tuple[object, ...]] = {
        f"2026-09-{day}": (0, 0, None, None) for day in range(21, 26)
    }
    expected[f"2026-09-{first}"] = (2, 1, 0.5, grants["r2"].event_id)
    expected[f"2026-09-{first + 1}"] = (1, 1, 1.0, None)
    expected[f"2026-09-{first + 3}"] = (1, 0, 0.0, grants["r4"].event_id)
    shown = ("expected", "found", "agreement", "breaks")
    ordered = [row for row in rows if row["check"] == "grants_ordered"]
    assert {row["day"]: tuple(row[name] for name in shown) for row in ordered} == expected

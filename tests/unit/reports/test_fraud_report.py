"""Precision of reviews, by hand."""

import json
from typing import Any

from support.clickhouse import ClickHouse
from support.programme import entry

from reftrail.contracts.topics import REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked


def decided(name: str, status: str, *reasons: str, **given: Any) -> Any:
    return entry(name, "AMY", "uma", value=5_000_000, status=status, reasons=list(reasons), **given)


async def test_people_who_looked_agreed_or_not(clickhouse: ClickHouse) -> None:
    """Of four suspicions of one kind one is declined, two are not, and one still waits."""
    evidence = json.dumps([{"reason": "burst", "weight": 60}, {"reason": "no_device", "weight": 0}])
    held = [decided(f"r{nth}", "held", "burst", evidence=evidence) for nth in range(4)]
    later = [
        decided("r0", "rejected", "declined", "ring", "burst"),
        decided("r1", "granted", "approved"),
        decided("r2", "rejected", "hold_ended", "burst"),
        decided("r2", "granted", "reinstated", "false_positive"),
    ]
    broken = json.dumps([{"reason": "self_referral", "weight": 100}])
    await clickhouse.load(
        REWARDS, [*held, *later, decided("r5", "rejected", "self_referral", evidence=broken)]
    )

    report = find("fraud")
    rows = ask(clickhouse.reading, report, asked(report, {"by": ["all"]}), None).rows

    assert rows == [
        {
            "reason": "burst",
            "currency": "USD",
            "suspected": 4,
            "granted_at_once": 0,
            "held_at_first": 4,
            "rejected_at_once": 0,
            "approved": 2,
            "declined": 1,
            "precision": 0.3333,
            "saved": "5.00",
        },
        {
            "reason": "self_referral",
            "currency": "USD",
            "suspected": 1,
            "granted_at_once": 0,
            "held_at_first": 0,
            "rejected_at_once": 1,
            "approved": 0,
            "declined": 0,
            "precision": None,
            "saved": "5.00",
        },
    ]

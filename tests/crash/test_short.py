"""A host of each kind is killed under load, and the books are balanced. `make crash` does more."""

import os
from pathlib import Path
from random import SystemRandom
from typing import Any

from crash.experiment import Experiment, carried_out
from crash.schedule import Plan
from reftrail.contracts.topics import DEAD_LETTERS, REWARDS
from reftrail.local.hosts import COLLECTOR, WAREHOUSE, worker_name

KILLED = (worker_name(1), COLLECTOR, WAREHOUSE)


def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or SystemRandom().randrange(1_000_000))
    plan = Plan(seed, events=1_800, seconds=26.0, kills=len(KILLED), hosts=KILLED)
    said: list[str] = []
    report = carried_out(Experiment(plan, tmp_path, said.append))
    print(report)  # noqa: T201  (pytest shows it where the test fails)
    assert report.wrong == {}, "\n".join([str(report), *said])
    assert {kill.host for kill in report.experiment.kills} == set(KILLED)
    assert len(report.evidence.acknowledged) == plan.events
    assert len(report.evidence.takeovers) > 0
    ledger: list[Any] = report.evidence.records(REWARDS)
    assert {entry.status for entry in ledger} >= {"held", "granted", "fulfilled", "reversed"}
    refused: list[Any] = report.evidence.records(DEAD_LETTERS)
    assert {letter.reason for letter in refused} == {"not_allowed"}

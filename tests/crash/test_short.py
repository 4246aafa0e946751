"""A host of each kind is killed under load, which has poison in it, and the invariants hold.

`make crash` does more.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from crash.experiment import Experiment
from crash.outcomes import LIMITS_ON_USERS, reached
from crash.poison import REASONS
from crash.processes import REVIEWER
from crash.report import carried_out
from crash.schedule import WHILE_OTHER_TESTS_RUN, Act, Plan
from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.events import UsersMerged
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.contracts.topics import DEAD_LETTERS, EVENTS, LIMITS, REWARDS
from reftrail.local.hosts import COLLECTOR, FULFILMENT, WAREHOUSE, worker_name

KILLED = (worker_name(1), COLLECTOR, WAREHOUSE, FULFILMENT, REVIEWER)


@pytest.mark.faults
def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or 1)
    plan = Plan(
        seed,
        events=1_800,
        seconds=19.0,
        kills=len(KILLED),
        hosts=KILLED,
        acts=(Act.POISON, Act.TRUNCATION),
        longest_takeover=WHILE_OTHER_TESTS_RUN,
    )
    said: list[str] = []
    report = carried_out(Experiment(plan, tmp_path, said.append))
    print("\n".join(said), report, sep="\n")  # noqa: T201  (pytest shows it where the test fails)
    assert report.wrong == {}, "\n".join([str(report), *said])
    assert {kill.host for kill in report.experiment.kills} == set(KILLED)
    evidence = report.evidence
    assert len(evidence.acknowledged) > plan.events
    assert len(evidence.takeovers) > 0
    ledger: list[Any] = evidence.records(REWARDS)
    assert {entry.status for entry in ledger} == set(RewardStatus)
    by_hand = [entry for entry in ledger if is_adjustment(entry.action)]
    assert {"adjusted", "held"} <= {entry.status for entry in by_hand}
    assert any(Reason.APPROVED in entry.reasons for entry in by_hand), "by another key"
    assert any("added_up" in entry.reasons for entry in by_hand)
    assert evidence.adjusted
    assert evidence.of(EVENTS, UsersMerged)
    assert any("users_merged" in entry.reasons for entry in ledger)
    assert {True, False} == {is_part(entry) for entry in ledger if entry.status == "reversed"}
    assert all((evidence.reviewed, evidence.given, evidence.balances, evidence.records(LIMITS)))
    assert reached(evidence) == LIMITS_ON_USERS
    refused: list[Any] = evidence.records(DEAD_LETTERS)
    # Whether a withdrawal finds its order in doubt depends on the moment of the kill.
    reasons = {letter.reason for letter in refused} - {"withdrawn_in_doubt"}
    assert reasons == {"not_allowed", "unknown_reward", "failed", *REASONS}
    assert all(places for _, places in evidence.poison)

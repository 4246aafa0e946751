"""Workers with their state on disk, and standbys of each other, are killed under load."""

from pathlib import Path

import pytest

from crash.experiment import Experiment
from crash.report import carried_out
from crash.schedule import WHILE_OTHER_TESTS_RUN, Plan
from reftrail.local.hosts import worker_name

pytestmark = pytest.mark.faults

KILLED = (worker_name(1), worker_name(2))


def test_nothing_is_lost_or_doubled_with_state_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFTRAIL_WORKER_STORE", "rocksdb")
    monkeypatch.setenv("REFTRAIL_STANDBYS", "1")
    plan = Plan(
        3,
        events=1_200,
        seconds=24.0,
        kills=4,
        hosts=KILLED,
        longest_takeover=WHILE_OTHER_TESTS_RUN,
    )
    said: list[str] = []
    report = carried_out(Experiment(plan, tmp_path, said.append))
    assert report.wrong == {}, "\n".join([str(report), *said])
    assert len(report.experiment.kills) == 4
    slots = list((tmp_path / "worker-state").iterdir())
    assert len(slots) == 2
    assert all(list(slot.glob("partition-*/CURRENT")) for slot in slots)
    logs = "".join(log.read_text() for log in (tmp_path / "logs").glob("worker-*.log"))
    assert "discarded" not in logs

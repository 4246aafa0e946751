"""The bench's clock for the runner of one partition."""

import pytest
from support.runner_bench import CLOCK


@pytest.fixture(autouse=True)
def _by_this_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reftrail.engine.partition_runner.time", CLOCK)

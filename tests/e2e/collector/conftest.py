from collections.abc import Iterator
from pathlib import Path

import pytest
from support.collector import RunningCollector, running_collector
from support.kafka import TestInstallation


@pytest.fixture
def collector(installation: TestInstallation, tmp_path: Path) -> Iterator[RunningCollector]:
    """A collector on the session's broker, ready."""
    with running_collector(installation, tmp_path / "collector.log") as running:
        running.wait_ready()
        yield running

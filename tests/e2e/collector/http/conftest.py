"""One collector for each module of tests: each test looks at what it has written itself."""

from collections.abc import Iterator

import pytest
from support.collected_events import Written
from support.collector import RunningCollector, running_collector
from support.kafka import RunningKafka, TestInstallation, installation_on


@pytest.fixture(scope="module")
def installation(kafka: RunningKafka) -> Iterator[TestInstallation]:
    """One for all tests here: each looks at what it has written itself."""
    with installation_on(kafka) as made:
        yield made


@pytest.fixture(scope="module")
def collector(
    installation: TestInstallation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCollector]:
    """One for all tests that don't end it."""
    log = tmp_path_factory.mktemp("http") / "collector.log"
    with running_collector(installation, log) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def written(installation: TestInstallation) -> Written:
    return Written(installation)

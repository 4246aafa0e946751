"""A collector on logs in memory, with the code AMY, for all tests of a file."""

from collections.abc import Iterator

import pytest
from support.deliveries import SETTINGS
from support.edge import RunningEdge, running_edge


@pytest.fixture(scope="module")
def edge_settings() -> dict[str, str]:
    """The collector's settings: overridden where others are needed."""
    return SETTINGS


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, edge_settings: dict[str, str]
) -> Iterator[RunningEdge]:
    with running_edge(tmp_path_factory.mktemp("edge"), **edge_settings) as edge:
        edge.codes.add("AMY")
        yield edge


@pytest.fixture
def edge(running: RunningEdge) -> RunningEdge:
    running.written.messages.clear()
    return running

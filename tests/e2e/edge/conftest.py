from collections.abc import Iterator

import pytest
from support.edge import RunningEdge, running_edge


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    """One collector over real HTTP for all tests here."""
    with running_edge(tmp_path_factory.mktemp("edge")) as running:
        yield running

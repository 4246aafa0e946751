"""One collector for each module of tests, and an address for each test."""

from collections.abc import Iterator

import pytest
from support.edge import RunningEdge, running_edge
from support.match_requests import PROXIES


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    store = "https://play.google.com/store/apps/details?id=com.shop"
    with running_edge(
        tmp_path_factory.mktemp("match"), collector_android_url=store, **PROXIES
    ) as running:
        for code in ("AMY", "BEN"):
            running.codes.add(code)
        running.codes.add("OTHER", campaign_id="winter")
        yield running


ADDRESSES = (f"203.0.113.{n}" for n in range(1, 255))


@pytest.fixture
def ip() -> str:
    """An address of its own for each test."""
    return next(ADDRESSES)

"""One collector with a store of codes for each module of tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.codes_api import Reports
from support.collector import RunningCollector, running_collector
from support.kafka import RunningKafka, TestInstallation, installation_on
from support.log import produce
from support.programme import campaign

from reftrail.contracts.topics import CAMPAIGNS

ISSUED_FOR = ("summer", "lists", "once", "spring", "autumn", "bulk", "told", "x", "a")


@pytest.fixture(scope="module")
def reports() -> Iterator[Reports]:
    running = Reports()
    yield running
    running.server.shutdown()


@pytest.fixture(scope="module")
def installation(kafka: RunningKafka) -> Iterator[TestInstallation]:
    with installation_on(kafka) as made:
        produce(made, CAMPAIGNS, [campaign(name) for name in ISSUED_FOR])
        yield made


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/codes.sqlite"


@pytest.fixture(scope="module")
def collector(
    installation: TestInstallation,
    store_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    reports: Reports,
) -> Iterator[RunningCollector]:
    directory: Path = tmp_path_factory.mktemp("codes-api")
    settings = {
        "codes_store": store_url,
        "codes_secret": "c1:" + "7a" * 32,
        "reports_url": reports.url,
        "landing_url": "https://shop.example/welcome?lang=en",
        "secret_rate": "2000",
        "address_rate": "2",
        "trusted_proxies": "127.0.0.1",
    }
    with running_collector(installation, directory / "collector.log", **settings) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def api(collector: RunningCollector) -> Iterator[httpx.Client]:
    with collector.client() as client:
        client.headers["x-actor"] = "ann@shop.example"
        yield client

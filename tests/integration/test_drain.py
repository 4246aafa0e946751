"""Waiting for the stages and the warehouse, on a real broker."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient
from kafka.errors import NotLeaderForPartitionError
from support.kafka import TestInstallation

from reftrail.contracts.changelogs import TOUCH_CHANGELOG
from reftrail.contracts.topics import ATTRIBUTION_INPUTS, EVENTS, REWARD_INPUTS
from reftrail.local.drain import wait_until_drained

GROUP = "drained"

pytestmark = pytest.mark.partitions(3)  # which its stages use one each of


class Stages:
    """Writes and commits as the stages do, in one transaction each."""

    def __init__(self, installation: TestInstallation) -> None:
        self.events = TopicPartition(installation.name_of(EVENTS), 0)
        self.conversions = TopicPartition(installation.name_of(ATTRIBUTION_INPUTS), 1)
        self.claims = TopicPartition(installation.name_of(REWARD_INPUTS), 2)
        self.elsewhere = TopicPartition(installation.name_of(TOUCH_CHANGELOG), 0)
        self.group = installation.topic_prefix + GROUP
        self.producer = AIOKafkaProducer(
            bootstrap_servers=installation.bootstrap_servers,
            transactional_id=installation.topic_prefix + "t",
        )

    async def write(self, *to: TopicPartition) -> None:
        for partition in to:
            await self.producer.send_and_wait(
                partition.topic, b"value", key=b"key", partition=partition.partition
            )

    async def handle(self, read: TopicPartition, up_to: int, *write: TopicPartition) -> None:
        async with self.producer.transaction():
            await self.write(*write)
            await self.producer.send_offsets_to_transaction({read: up_to}, self.group)

    async def end(self) -> None:
        """Return when the broker has ended all transactions, markers included.

        It acknowledges the end of one before, but lets the next one write only then.
        """
        async with self.producer.transaction():
            await self.write(self.elsewhere)


@pytest.fixture
async def stages(installation: TestInstallation) -> Any:
    made = Stages(installation)
    await made.producer.start()
    yield made
    await made.producer.stop()


def drained(installation: TestInstallation, url: str | None = None, timeout: float = 0.5) -> None:
    wait_until_drained(installation, installation.topic_prefix + GROUP, url, "sk", timeout)


def test_an_empty_installation_is_drained(installation: TestInstallation) -> None:
    drained(installation, timeout=60)


async def test_markers_after_the_last_record_do_not_count(
    installation: TestInstallation, stages: Stages
) -> None:
    async with stages.producer.transaction():
        await stages.write(stages.events, stages.events)
    await stages.handle(stages.events, 2, stages.conversions)
    await stages.handle(stages.conversions, 1, stages.claims)
    await stages.handle(stages.claims, 1)
    drained(installation, timeout=60)


async def test_what_a_stage_writes_for_one_before_it_is_waited_for(
    installation: TestInstallation, stages: Stages
) -> None:
    """As limits and milestones do for rewards."""
    async with stages.producer.transaction():
        await stages.write(stages.claims)
    await stages.handle(stages.claims, 1, stages.events)
    await stages.end()
    with pytest.raises(TimeoutError, match=r"stage touch .*events\[0\] at 0 of 2$"):
        drained(installation)
    await stages.handle(stages.events, 1)
    drained(installation, timeout=60)


async def test_a_stage_that_lags_is_named(installation: TestInstallation, stages: Stages) -> None:
    async with stages.producer.transaction():
        await stages.write(stages.events)
    await stages.handle(stages.events, 1, stages.conversions, stages.conversions)
    await stages.handle(stages.conversions, 1)
    await stages.end()
    lagging = r"stage attribution .*attribution-inputs\[1\] at 1 of 3$"
    with pytest.raises(TimeoutError, match=lagging):
        drained(installation)


async def test_what_is_not_yet_committed_is_waited_for(
    installation: TestInstallation, stages: Stages
) -> None:
    async with stages.producer.transaction():
        await stages.write(stages.events)
        with pytest.raises(TimeoutError, match=r"stage touch .*events\[0\] at 0 of 1$"):
            drained(installation)


async def test_a_broker_that_does_not_say_by_then_is_told(
    installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_now(*_: Any) -> None:
        raise NotLeaderForPartitionError

    monkeypatch.setattr(KafkaAdminClient, "list_partition_offsets", not_now)
    with pytest.raises(TimeoutError, match=r"stage touch .*the broker does not say now"):
        drained(installation)


@pytest.fixture
def warehouse() -> Iterator[tuple[str, dict[str, dict[str, int]]]]:
    """An address that answers with the positions in the dict."""
    positions: dict[str, dict[str, int]] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Authorization"] == "Bearer sk" else 401)
            self.end_headers()
            self.wfile.write(json.dumps(positions).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/positions", positions
    server.shutdown()


async def test_the_warehouse_is_waited_for(
    installation: TestInstallation,
    stages: Stages,
    warehouse: tuple[str, dict[str, dict[str, int]]],
) -> None:
    url, positions = warehouse
    async with stages.producer.transaction():
        await stages.write(stages.events)
    await stages.handle(stages.events, 1)
    await stages.end()
    with pytest.raises(TimeoutError, match=r"warehouse .*events\[0\] at 0 of 2$"):
        drained(installation, url)
    positions[EVENTS.name] = {"0": 1}
    drained(installation, url, timeout=60)

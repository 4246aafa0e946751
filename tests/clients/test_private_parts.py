"""The Kafka clients have the private parts that reftrail uses, and no others are used."""

import ast
import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers import aiokafka as driver
from kafka.coordinator.consumer import ConsumerCoordinator
from support.syntax import parsed

from clients.private_parts import PRIVATE_PARTS
from clients.responses import started_consumer
from reftrail.contracts.installation import Installation
from reftrail.engine import transport, worker
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.transaction import TransactionalWriter
from reftrail.hosting.kafka.asynchronous import async_consumer, async_producer, pause_after_failures

ROOT = Path(__file__).parents[2]
PORTIONS = ("schemas", "producers", "stream_processors", "sinks", "infra")
CLIENTS = {"aiokafka", "kafka", "faust"}
OWN = {"_buffered", "_ended", "_failed", "_set_stalled"}
"""Attributes of reftrail's own classes, in modules that import a client."""
OF_NAMED_TUPLES = {"_asdict", "_replace"}
"""Public methods, whose names begin so that no field has them."""

INSTALLATION = Installation(bootstrap_servers="127.0.0.1:1")


def private_uses() -> Iterator[str]:
    """Private attributes of other objects, in all modules that import a client."""
    for portion in PORTIONS:
        for file in (ROOT / portion).rglob("*.py"):
            tree = parsed(file.read_text("utf-8"))
            if not CLIENTS & set(imported(tree)):
                continue
            for node in ast.walk(tree):
                match node:
                    case ast.Attribute(value=ast.Name(id="self" | "cls" | "os")):
                        pass
                    case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                        pass
                    case ast.Attribute(attr=name) if name.startswith("_") and name[:2] != "__":
                        yield name


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name.partition(".")[0] for name in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]


def test_the_list_of_private_parts_is_complete() -> None:
    assert set(private_uses()) - OWN - OF_NAMED_TUPLES == PRIVATE_PARTS.keys()


async def test_a_member_can_ask_for_another_sharing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch, group_id="group") as consumer:
        assigned = SimpleNamespace(assignment=object())
        assert not consumer._coordinator.need_rejoin(assigned)
        consumer._coordinator.request_rejoin()
        assert consumer._coordinator.need_rejoin(assigned)


def test_a_blocking_consumer_can_ask_for_its_partitions() -> None:
    coordinator: Any = object.__new__(ConsumerCoordinator)
    coordinator._subscription = SimpleNamespace(
        partitions_auto_assigned=lambda: True, subscription={"events"}
    )
    coordinator._auto_assign_all_partitions = lambda: False
    coordinator._assignment_snapshot, coordinator._metadata_snapshot = None, None
    coordinator._joined_subscription = {"events"}
    coordinator.rejoin_needed = False
    assert not coordinator.need_rejoin()
    coordinator.request_rejoin()
    assert coordinator.need_rejoin()


async def test_both_times_between_retries_can_be_set() -> None:
    settings = WorkerSettings(bootstrap_servers="127.0.0.1:1")
    writer = TransactionalWriter(settings, 0, {})
    parts = (writer._producer.client, writer._producer._sender)
    assert [part._retry_backoff for part in parts] == [0.005, 0.005]
    writer._retry_every(1.0)
    assert [part._retry_backoff for part in parts] == [1.0, 1.0]
    for part in parts:  # read each time, not copied when the producer is made
        assert "asyncio.sleep(self._retry_backoff)" in inspect.getsource(type(part))


async def test_without_a_broker_metadata_is_asked_for_with_a_pause_after_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    answers = iter([False, False, True, False])
    sleep = asyncio.sleep

    async def paused(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def update(*_: object) -> bool:
        return next(answers)

    producer = async_producer(INSTALLATION)
    consumer = async_consumer(INSTALLATION)
    for client in (producer.client, consumer._client):
        assert client._metadata_update.__name__ == "patient_update"

    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    client._metadata_update = update
    pause_after_failures(client)
    monkeypatch.setattr("asyncio.sleep", paused)
    synchronizer = asyncio.create_task(client._md_synchronizer())
    updated = [await client.force_metadata_update() for _ in range(4)]
    synchronizer.cancel()
    assert updated == [False, False, True, False]
    assert pauses == [0.1, 0.1, 0.1]


async def test_a_connection_lost_while_a_coordinator_is_looked_up_ends_no_producer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lookups: Iterator[Any] = iter([KafkaConnectionError("closed"), 7])

    async def look_up(_client: AIOKafkaClient, _kind: int, _key: str) -> Any:
        found = next(lookups)
        if isinstance(found, Exception):
            raise found
        return found

    async def succeed(*_: object, **__: object) -> bool:
        return True

    monkeypatch.setattr(AIOKafkaClient, "coordinator_lookup", look_up)
    monkeypatch.setattr(AIOKafkaClient, "ready", succeed)
    producer = async_producer(INSTALLATION, transactional_id="one", retry_backoff_ms=1)
    monkeypatch.setattr(producer.client, "force_metadata_update", succeed)
    found = await producer._sender._find_coordinator(CoordinationType.TRANSACTION, "one")
    assert found == 7


OVERRIDING = [
    transport._ConsumerThread,
    transport.ChunkConsumer,
    transport._PausingListener,
    transport._Producer,
    transport.ChunkTransport,
    worker.WorkerApp,
    worker._BoundedWorker,
]
NEW: dict[type, set[str]] = {
    transport._ConsumerThread: {"resume", "_resume", "rejoin", "_rejoin"},
    transport.ChunkConsumer: {"resume", "offer", "rejoin", "may_take", "_message_of"},
    worker._BoundedWorker: {"_end_in_time"},
}
"""Methods that Faust's classes don't have."""


@pytest.mark.parametrize("derived", OVERRIDING, ids=lambda kind: kind.__name__)
def test_each_method_overrides_one_that_takes_the_same(derived: type) -> None:
    own = {
        name: method
        for name, method in vars(derived).items()
        if inspect.isfunction(method) and name != "__init__"
    }
    assert own or derived is transport.ChunkTransport
    for name in own.keys() - NEW.get(derived, set()):
        theirs = getattr(derived.__mro__[1], name, None)
        assert theirs is not None, f"{derived.__mro__[1].__name__} has no {name} any more"
        parameters = list(inspect.signature(own[name]).parameters)
        taken = [
            parameter for parameter in inspect.signature(theirs).parameters if parameter != "kwargs"
        ]
        if "_" not in parameters:
            assert parameters == taken, name


def test_fausts_consumer_thread_gives_its_consumer() -> None:
    thread = driver.AIOKafkaConsumerThread
    for name in ("_ensure_consumer", "call_thread"):
        assert callable(getattr(thread, name))
    assert "self._thread" in inspect.getsource(driver.ConsumerRebalanceListener)
    assert issubclass(faust.App, worker.WorkerApp.__mro__[1])

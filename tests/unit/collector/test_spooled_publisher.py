"""Events that go to Kafka, to the spool, and from there to Kafka: once each, and in order."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from sqlalchemy.exc import OperationalError
from support.fake_producer import FakeProducer
from support.metrics import until

from reftrail.collector import publisher as publisher_module
from reftrail.collector import spooled_publisher as module
from reftrail.collector.interfaces import Message
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.publisher import Publisher
from reftrail.collector.settings import CollectorSettings
from reftrail.collector.spool import Spool
from reftrail.collector.spooled_publisher import SpooledPublisher
from reftrail.contracts.topics import EVENTS
from reftrail.edge.http_errors import Unavailable

MOST_BYTES = 2**20


class Switched(FakeProducer):
    """Acknowledges at once while the broker is there; log is what Kafka has."""

    is_there = True
    log: list[bytes]

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> "asyncio.Future[None]":
        acknowledgement = await super().send_batch(batch, topic, partition=partition)
        if Switched.is_there:
            self.take()
        return acknowledgement

    def take(self) -> None:
        for _, values, acknowledgement in self.sent:
            if not acknowledgement.done():
                Switched.log += values
                acknowledgement.set_result(None)


def come_back() -> None:
    Switched.is_there = True
    for producer in FakeProducer.made:
        assert isinstance(producer, Switched)
        producer.take()


@asynccontextmanager
async def running(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    most_bytes: int = MOST_BYTES,
    producer: type[Switched] = Switched,
) -> AsyncIterator[tuple[SpooledPublisher, CollectorMetrics]]:
    """Both publishers at work, with a broker as `Switched.is_there` says."""
    FakeProducer.made = []
    monkeypatch.setattr(publisher_module, "async_producer", producer)
    metrics = CollectorMetrics()
    settings = CollectorSettings.model_validate(
        {"bootstrap_servers": "b:1", "hash_key": "k:00", "ack_timeout_seconds": 0.05}
    )
    direct = Publisher(settings, EVENTS, metrics)
    spool = Spool.open(directory, settings.name_of(EVENTS))
    spooled = SpooledPublisher(direct, spool, most_bytes, metrics)
    tasks = [asyncio.create_task(spooled.run()), asyncio.create_task(direct.run())]
    await until(lambda: direct.is_connected)
    try:
        yield spooled, metrics
    finally:
        for task in tasks:
            task.cancel()
            for made in FakeProducer.made:
                made.acknowledge()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture(autouse=True)
def kafka() -> None:
    Switched.is_there, Switched.log = True, []


def one(value: bytes) -> list[Message]:
    return [Message("v1", value)]


def value_of(metrics: CollectorMetrics, name: str) -> float:
    found = metrics.registry.get_sample_value(f"reftrail_collector_{name}")
    assert found is not None
    return found


def once(values: Iterable[bytes]) -> list[bytes]:
    """The first of each: what comes again has the same event_id, and counts once."""
    return list(dict.fromkeys(values))


async def test_while_kafka_is_there_nothing_is_spooled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, monkeypatch) as (publisher, metrics):
        await publisher.publish(one(b"a"))
        assert Switched.log == [b"a"]
        assert value_of(metrics, "spooled_total") == 0
        assert publisher.spooled == (0, 0, None)


async def test_what_comes_while_kafka_is_away_is_replayed_before_what_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, monkeypatch) as (publisher, metrics):
        await publisher.publish(one(b"before"))
        Switched.is_there = False
        for value in (b"1", b"2", b"3"):
            await publisher.publish(one(value))
        assert publisher.is_away
        assert publisher.refusal is None
        assert publisher.spooled.events == 3
        assert value_of(metrics, "spool_events") == 3
        come_back()
        await publisher.publish(one(b"after"))
        await until(lambda: publisher.spooled.events == 0)
        assert once(Switched.log) == [b"before", b"1", b"2", b"3", b"after"]
        await publisher.publish(one(b"direct"))
        assert Switched.log[-1] == b"direct"
        assert value_of(metrics, "spool_replayed_total") == value_of(metrics, "spooled_total")


async def test_a_key_keeps_its_order_under_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight clients, each sending its next event once the one before is answered for."""
    async with running(tmp_path, monkeypatch) as (publisher, _):
        sent: dict[str, list[bytes]] = {f"v{n}": [] for n in range(8)}
        stopping = asyncio.Event()

        async def client(key: str) -> None:
            while not stopping.is_set():
                value = f"{key} {len(sent[key])}".encode()
                await publisher.publish([Message(key, value)])
                sent[key].append(value)
                await asyncio.sleep(0)

        clients = [asyncio.create_task(client(key)) for key in sent]
        for _ in range(3):
            Switched.is_there = False
            await until(lambda: publisher.spooled.events > 40)
            come_back()
            # Under load too the spool comes to its end, and requests go to Kafka again.
            await until(lambda: publisher.spooled.events == 0)
        stopping.set()
        await asyncio.gather(*clients)
        await until(lambda: publisher.spooled.events == 0)
    for key, values in sent.items():
        mine = [value for value in Switched.log if value.startswith(f"{key} ".encode())]
        assert once(mine) == values


async def test_a_restarted_collector_replays_what_it_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Switched.is_there = False
    async with running(tmp_path, monkeypatch) as (publisher, _):
        await publisher.publish(one(b"a"))
        await publisher.publish(one(b"b"))
    Switched.is_there = True
    async with running(tmp_path, monkeypatch) as (publisher, _):
        await publisher.publish(one(b"c"))
        await until(lambda: publisher.spooled.events == 0)
    assert once(Switched.log) == [b"a", b"b", b"c"]


async def test_a_full_spool_refuses_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Switched.is_there = False
    async with running(tmp_path, monkeypatch, most_bytes=1000) as (publisher, metrics):
        while publisher.spooled.bytes < 900:
            await publisher.publish(one(b"x" * 100))
        with pytest.raises(Unavailable, match="the spool holds"):
            await publisher.publish(one(b"x" * 100))
        assert publisher.spooled.events == 6
        assert value_of(metrics, "spool_refused_total") == 1
        with pytest.raises(Unavailable, match="REFTRAIL_COLLECTOR_SPOOL_BYTES"):
            await publisher.publish(one(b"x" * 100))
        come_back()
        await until(lambda: publisher.spooled.events == 0)
        assert publisher.refusal is None
        await publisher.publish(one(b"y"))


async def test_a_disk_that_refuses_is_answered_for_with_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OperationalError("INSERT", None, OSError("database or disk is full"))

    Switched.is_there = False
    async with running(tmp_path, monkeypatch) as (publisher, metrics):
        with monkeypatch.context() as disk:
            disk.setattr(Spool, "append", full)
            with pytest.raises(Unavailable, match="the spool can't be written"):
                await publisher.publish(one(b"a"))
        assert publisher.spooled.events == 0
        assert value_of(metrics, "spool_refused_total") == 1
        assert publisher.refusal == "Kafka is away, and the spool can't be written"
        await publisher.publish(one(b"b"))
        assert publisher.refusal is None
        come_back()
        await until(lambda: publisher.spooled.events == 0)


async def test_after_a_while_a_disk_that_refused_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OperationalError("INSERT", None, OSError("database or disk is full"))

    monkeypatch.setattr(module, "_UNWRITABLE_SECONDS", 0.02)
    monkeypatch.setattr(Spool, "append", full)
    Switched.is_there = False
    async with running(tmp_path, monkeypatch) as (publisher, _):
        with pytest.raises(Unavailable, match="the spool can't be written"):
            await publisher.publish(one(b"a"))
        await until(lambda: publisher.refusal is None)
        with pytest.raises(Unavailable):
            await publisher.publish(one(b"b"))
        assert publisher.refusal is not None
        come_back()
        await until(lambda: not publisher.is_away)
        assert publisher.refusal is None, "Kafka takes it"


async def test_a_disk_on_which_nothing_can_be_removed_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full one has no room for the log of the removal; else the spool stayed full for ever."""

    def full(*_: object) -> None:
        raise OperationalError("DELETE", None, OSError("database or disk is full"))

    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.001)
    cleared, clear = [], Spool.clear

    def counted(spool: Spool) -> None:
        clear(spool)
        cleared.append(spool)

    monkeypatch.setattr(Spool, "drop_through", full)
    monkeypatch.setattr(Spool, "clear", counted)
    async with running(tmp_path, monkeypatch) as (publisher, _):
        for nth in (1, 2):
            Switched.is_there = False
            await publisher.publish(one(b"%d" % nth))
            come_back()
            await until(lambda nth=nth: len(cleared) == nth)  # type: ignore[misc]
            await publisher.publish(one(b"after %d" % nth))
    assert once(Switched.log) == [b"1", b"after 1", b"2", b"after 2"]
    Switched.log.clear()
    async with running(tmp_path, monkeypatch) as (publisher, _):
        assert publisher.spooled.events == 0
    assert Switched.log == []


async def test_many_requests_share_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes, append = [], Spool.append

    def counted(spool: Spool, messages: list[Message], at: int) -> None:
        writes.append(len(messages))
        append(spool, messages, at)

    monkeypatch.setattr(Spool, "append", counted)
    Switched.is_there = False
    async with running(tmp_path, monkeypatch) as (publisher, _):
        await publisher.publish(one(b"first"))
        await asyncio.gather(*(publisher.publish(one(b"%d" % n)) for n in range(100)))
    assert sum(writes) == 101
    assert len(writes) <= 4


async def test_a_replay_that_is_cut_short_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.001)
    Switched.is_there = False
    async with running(tmp_path, monkeypatch) as (publisher, _):
        await publisher.publish(one(b"a"))
        await publisher.publish(one(b"b"))
        Switched.is_there = True
        for _, _, acknowledgement in FakeProducer.made[-1].sent:
            if not acknowledgement.done():
                acknowledgement.set_exception(ConnectionError("the broker went away again"))
        await until(lambda: publisher.spooled.events == 0)
    assert once(Switched.log) == [b"a", b"b"]


async def test_batches_that_are_too_large_for_the_topic_are_replayed_in_smaller_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are smaller than what has gathered; with max.message.bytes below that it counts."""

    class Small(Switched):
        async def send_batch(
            self, batch: Any, topic: str, *, partition: int
        ) -> "asyncio.Future[None]":
            if len(batch.values) > 3:
                raise MessageSizeTooLargeError("4 messages")
            return await super().send_batch(batch, topic, partition=partition)

    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.001)
    Switched.is_there = False
    async with running(tmp_path, monkeypatch) as (publisher, _):
        for nth in range(40):
            await publisher.publish(one(b"%d" % nth))
    Switched.is_there = True
    async with running(tmp_path, monkeypatch, producer=Small) as (publisher, _):
        await until(lambda: publisher.spooled.events == 0)
    assert once(Switched.log) == [b"%d" % nth for nth in range(40)]

"""Answers about events that Kafka has, and about those of which it can't be sure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from support.fake_producer import FakeBatch, FakeProducer

from reftrail.collector import partition_senders
from reftrail.collector import publisher as module
from reftrail.collector.interfaces import Message
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.publisher import Publisher
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.topics import EVENTS
from reftrail.edge.http_errors import Unavailable


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(
    monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> AsyncIterator[tuple[Publisher, CollectorMetrics]]:
    FakeProducer.made = []
    monkeypatch.setattr(module, "async_producer", FakeProducer)
    given = {"bootstrap_servers": "b:1", "hash_key": "k:00", "ack_timeout_seconds": 0.2}
    metrics = CollectorMetrics()
    publisher = Publisher(CollectorSettings.model_validate(given | settings), EVENTS, metrics)
    task = asyncio.create_task(publisher.run(), name="publisher")
    await settle()
    try:
        yield publisher, metrics
    finally:
        for producer in FakeProducer.made:
            producer.acknowledge()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def messages(*values: bytes, key: str = "v1") -> list[Message]:
    return [Message(key, value) for value in values]


async def test_publish_returns_only_after_the_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as (publisher, _):
        publishing = asyncio.create_task(publisher.publish(messages(b"a")))
        await settle()
        (producer,) = FakeProducer.made
        assert [values for _, values, _ in producer.sent] == [[b"a"]]
        assert not publishing.done()
        producer.acknowledge()
        await publishing


async def test_what_comes_while_a_batch_is_away_travels_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as (publisher, _):
        first = asyncio.create_task(publisher.publish(messages(b"a")))
        await settle()
        rest = [asyncio.create_task(publisher.publish(messages(v))) for v in (b"b", b"c")]
        await settle()
        (producer,) = FakeProducer.made
        assert len(producer.sent) == 1
        producer.acknowledge()
        await first
        await settle()
        assert [values for _, values, _ in producer.sent] == [[b"a"], [b"b", b"c"]]
        assert not any(task.done() for task in rest)
        producer.acknowledge()
        await asyncio.gather(*rest)


async def test_the_next_batch_leaves_before_those_who_waited_for_the_last_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as (publisher, _):
        (producer,) = FakeProducer.made
        sent_before: list[int] = []
        for value in (b"a", b"b"):
            (message,) = messages(value)
            publisher.publish_one(message, lambda _: sent_before.append(len(producer.sent)))
            await settle()
        assert len(producer.sent) == 1
        producer.acknowledge()
        await settle()
        assert sent_before == [2]
        producer.acknowledge()
        await settle()
        assert sent_before == [2, 2]


async def test_whoever_waits_for_an_acknowledged_batch_is_answered_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered: list[Exception | None] = []
    async with running(monkeypatch) as (publisher, metrics):
        publisher.publish_one(messages(b"a")[0], answered.append)
        await settle()
        assert metrics.registry.get_sample_value("reftrail_collector_buffered_bytes") != 0
    assert answered == [None]


def sent_keys(producer: FakeProducer) -> list[list[bytes]]:
    return sorted(values for _, values, _ in producer.sent)


async def test_batches_of_all_partitions_leave_once_all_before_them_are_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partition_senders, "_LONGEST_WAIT", 60)
    async with running(monkeypatch) as (publisher, _):
        both = [*messages(b"a", key="v1"), *messages(b"b", key="v2")]
        first = asyncio.create_task(publisher.publish(both))
        await settle()
        (producer,) = FakeProducer.made
        (_, _, one), (_, _, other) = producer.sent
        second = asyncio.create_task(publisher.publish(both))
        await settle()
        one.set_result(None)
        await settle()
        assert sent_keys(producer) == [[b"a"], [b"b"]]
        other.set_result(None)
        await first
        await settle()
        assert sent_keys(producer) == [[b"a"], [b"a"], [b"b"], [b"b"]]
        producer.acknowledge()
        await second


async def test_a_partition_waits_for_others_only_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as (publisher, _):
        first = asyncio.create_task(publisher.publish(messages(b"a", key="v1")))
        await settle()
        second = asyncio.create_task(publisher.publish(messages(b"b", key="v2")))
        (producer,) = FakeProducer.made
        await asyncio.sleep(0.05)
        assert sent_keys(producer) == [[b"a"], [b"b"]]
        producer.acknowledge()
        await asyncio.gather(first, second)


async def test_a_full_batch_is_followed_by_another_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as (publisher, _):
        values = [str(number).encode() for number in range(250)]
        publishing = asyncio.create_task(publisher.publish(messages(*values)))
        (producer,) = FakeProducer.made
        while not publishing.done():
            await settle()
            producer.acknowledge()
        assert [value for _, batch, _ in producer.sent for value in batch] == values
        assert [len(batch) for _, batch, _ in producer.sent] == [100, 100, 50]


async def test_without_acknowledgement_it_says_so_and_refuses_until_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as (publisher, metrics):
        with pytest.raises(Unavailable, match=r"not acknowledged within 0\.2 s"):
            await publisher.publish(messages(b"a"))
        with pytest.raises(Unavailable, match="does not acknowledge at the moment"):
            await publisher.publish(messages(b"b"))
        assert publisher.is_away
        assert b"broker_up 0.0" in metrics.exposition()
        (producer,) = FakeProducer.made
        assert [values for _, values, _ in producer.sent] == [[b"a"]]
        producer.acknowledge()
        await settle()
        assert not publisher.is_away
        assert b"buffered_bytes 0.0" in metrics.exposition()


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch, buffer_bytes=2**20) as (publisher, metrics):
        large = [asyncio.create_task(publisher.publish(messages(bytes(400_000)))) for _ in range(2)]
        await settle()
        with pytest.raises(Unavailable, match="already wait for Kafka"):
            await publisher.publish(messages(bytes(400_000)))
        while not all(task.done() for task in large):
            FakeProducer.made[0].acknowledge()
            await settle()
        assert b"buffered_bytes 0.0" in metrics.exposition()


async def test_after_a_refused_batch_it_connects_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as (publisher, _):
        publishing = asyncio.create_task(publisher.publish(messages(b"a")))
        waiting = asyncio.create_task(publisher.publish(messages(b"b", key="v2")))
        await settle()
        (broken,) = FakeProducer.made
        (acknowledgement,) = {ack for _, values, ack in broken.sent if values == [b"a"]}
        acknowledgement.set_exception(MessageSizeTooLargeError())
        with pytest.raises(Unavailable, match="MessageSizeTooLarge"):
            await publishing
        broken.acknowledge()
        await waiting
        async with asyncio.timeout(5):
            while publisher.is_away:
                await settle()
        assert broken.stopped
        renewed = FakeProducer.made[-1]
        assert renewed is not broken
        again = asyncio.create_task(publisher.publish(messages(b"a")))
        await settle()
        renewed.acknowledge()
        await again


async def test_an_end_while_it_connects_anew_waits_for_what_was_handed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two partitions one's batch is refused; the other's is on its way when the end comes."""
    async with running(monkeypatch, ack_timeout_seconds=60) as (publisher, metrics):
        refused = asyncio.create_task(publisher.publish(messages(b"a")))
        waiting = asyncio.create_task(publisher.publish(messages(b"b", key="v2")))
        await settle()
        (broken,) = FakeProducer.made
        (acknowledgement,) = {ack for _, values, ack in broken.sent if values == [b"a"]}
        acknowledgement.set_exception(MessageSizeTooLargeError())
        with pytest.raises(Unavailable, match="MessageSizeTooLarge"):
            await refused
        await settle()
        (running_on,) = (task for task in asyncio.all_tasks() if task.get_name() == "publisher")
        running_on.cancel()
        await settle()
        assert not running_on.done()
        broken.acknowledge()
        await waiting
        with pytest.raises(asyncio.CancelledError):
            await running_on
        assert broken.stopped
        assert b"buffered_bytes 0.0" in metrics.exposition()


async def test_before_kafka_is_reached_nothing_is_taken() -> None:
    given = {"bootstrap_servers": "b:1", "hash_key": "k:00"}
    publisher = Publisher(CollectorSettings.model_validate(given), EVENTS, CollectorMetrics())
    with pytest.raises(Unavailable, match="not been reached yet"):
        await publisher.publish(messages(b"a"))
    await publisher.publish([])


async def test_a_message_that_fits_into_no_batch_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(monkeypatch) as (publisher, _):
        monkeypatch.setattr(FakeBatch, "append", lambda *_, **__: None)
        with pytest.raises(ValueError, match="a message of 1 bytes does not fit into a batch"):
            await publisher.publish(messages(b"a"))

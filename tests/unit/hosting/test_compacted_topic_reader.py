"""A reader of compacted topics that Kafka has not answered yet."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition

from reftrail.contracts.installation import Installation
from reftrail.contracts.matches import LinkClicked
from reftrail.hosting.kafka.compacted_topic_reader import (
    CompactedTopicReader,
    TopicTable,
    TopicUnavailable,
)

PARTITION = TopicPartition("topic", 0)


class SlowConsumer:
    """A consumer of an empty partition that connects once it may."""

    def __init__(self, may_connect: asyncio.Event) -> None:
        self._may_connect = may_connect

    async def start(self) -> None:
        await self._may_connect.wait()

    async def stop(self) -> None: ...

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def position(self, _: TopicPartition) -> int:
        return 0

    async def getmany(self, **_: int) -> Any:
        await asyncio.sleep(0.01)
        return {}


@contextmanager
def _running(may_connect: asyncio.Event) -> Iterator[CompactedTopicReader]:
    reader = CompactedTopicReader(
        Installation(bootstrap_servers="nowhere:9092"),
        {PARTITION.topic: TopicTable(LinkClicked, lambda _: None)},
        on_progress=lambda: None,
        on_undecodable=lambda: None,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reader, "_consumer", lambda *_: SlowConsumer(may_connect))
        running = asyncio.create_task(reader.run())
        try:
            yield reader
        finally:
            running.cancel()


async def test_who_waits_from_the_start_is_served_once_kafka_is_reached() -> None:
    may_connect = asyncio.Event()
    with _running(may_connect) as reader:
        waiting = asyncio.create_task(reader.refresh(20, from_start=True))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        may_connect.set()
        await waiting


async def test_others_are_told_at_once_that_kafka_is_not_reached() -> None:
    with _running(asyncio.Event()) as reader, pytest.raises(TopicUnavailable, match="reached yet"):
        await reader.refresh(60)


async def test_who_waits_from_the_start_does_so_for_a_while() -> None:
    with (
        _running(asyncio.Event()) as reader,
        pytest.raises(TopicUnavailable, match="has not been reached yet"),
    ):
        await reader.refresh(0.05, from_start=True)

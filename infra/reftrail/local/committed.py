"""Read the committed records of a topic, from its beginning to its present end."""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import groupby
from typing import Final

from aiokafka import TopicPartition

from reftrail.contracts.codec import FRAME
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.hosting.kafka.asynchronous import async_consumer

_AT_ONCE: Final = 20_000


async def committed_values(
    installation: Installation, topic: Topic, partitions: int
) -> AsyncIterator[Sequence[bytes]]:
    """The values of a topic, some at a time, each partition's in order; written before this call.

    What an aborted transaction wrote isn't among them.
    """
    parts = [TopicPartition(installation.name_of(topic), number) for number in range(partitions)]
    consumer = async_consumer(installation, max_partition_fetch_bytes=8 << 20)
    await consumer.start()
    try:
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            found = await consumer.getmany(timeout_ms=200, max_records=_AT_ONCE)
            for part, messages in found.items():
                values = [
                    m.value for m in messages if m.offset < ends[part] and m.value is not None
                ]
                if values:
                    yield values
    finally:
        await consumer.stop()


def by_schema(values: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Runs of values that were written with one schema."""
    for _, run in groupby(values, key=lambda value: value[: FRAME.size]):
        yield list(run)

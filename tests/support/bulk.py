"""Very many records on a real broker, faster than one by one."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaProducer

from reftrail.contracts.codec import encode
from reftrail.contracts.record import Record
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.topic import Topic
from support.kafka import TestInstallation

_BATCH_BYTES = 512 << 10


def write_many(installation: TestInstallation, topic: Topic, records: Iterable[Record]) -> None:
    """Write records under their keys and return when all are acknowledged."""
    asyncio.run(_write(installation, topic, records))


def codes(count: int, prefix: str = "BULK", at: int = 1_790_000_000_000) -> Iterator[CodeChanged]:
    """Codes of the campaign `spring`, which nobody uses."""
    for n in range(count):
        yield CodeChanged(
            event_id=f"{prefix}-{n}",
            event_time=at,
            received_at=at,
            code=f"{prefix}{n}",
            campaign_id="spring",
            owner_user_id=f"{prefix}-owner-{n}",
            created_at=at,
        )


async def _write(installation: TestInstallation, topic: Topic, records: Iterable[Record]) -> None:
    name, count = installation.name_of(topic), installation.partitions
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, max_batch_size=_BATCH_BYTES
    ) as producer:
        batches: defaultdict[int, Any] = defaultdict(producer.create_batch)
        for record in records:
            key, value = topic.key_of(record), encode(record)
            partition = topic.partition(key, count)
            if batches[partition].append(timestamp=None, key=key.encode(), value=value) is None:
                await producer.send_batch(batches.pop(partition), name, partition=partition)
                batches[partition].append(timestamp=None, key=key.encode(), value=value)
        for partition, batch in batches.items():
            await producer.send_batch(batch, name, partition=partition)
        await producer.flush()

"""Events for the benchmarks, made once and written to a topic as fast as the client goes."""

import asyncio
import random
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topics import EVENTS

START = 1_790_000_000_000


def clicks(count: int, visitors: int, seed: int = 7) -> Iterator[Click]:
    """Clicks of so many visitors in random order, over 20 days, about 250 bytes each.

    In order of time, but for one in fifty, which comes in up to an hour late.
    """
    rng = random.Random(seed)
    for n in range(count):
        visitor = rng.randrange(visitors)
        late = rng.randrange(HOUR) if rng.random() < 0.02 else 0
        at = START + n * 20 * DAY // count - late
        yield Click(
            event_id=f"019a0000-0000-7000-8000-{n:012x}",
            event_time=at,
            received_at=at + 150,
            visitor_id=f"019a0000-0000-7000-9000-{visitor:012x}",
            code=f"REF{visitor % 977:09d}",
            campaign_id=None,
            category="shipment",
            channel="email",
            source="electronic",
            device_hash=f"{visitor:032x}",
            ip_hash=f"{visitor % 5000:032x}",
            hash_key_id="k1",
            country="DE",
        )


def fill(installation: Installation, partitions: int, events: Iterator[Click]) -> int:
    """Write events under their keys. Returns how many bytes of values were written."""
    return asyncio.run(_fill(installation, partitions, events))


async def _fill(installation: Installation, partitions: int, events: Iterator[Click]) -> int:
    name = installation.name_of(EVENTS)
    written = 0
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, max_batch_size=512 << 10
    ) as producer:
        builders = [producer.create_batch() for _ in range(partitions)]
        for event in events:
            key, value = EVENTS.key_of(event), encode(event)
            partition = EVENTS.partition(key, partitions)
            written += len(value)
            if builders[partition].append(timestamp=None, key=key.encode(), value=value) is None:
                await producer.send_batch(builders[partition], name, partition=partition)
                builders[partition] = producer.create_batch()
                builders[partition].append(timestamp=None, key=key.encode(), value=value)
        for partition, builder in enumerate(builders):
            if builder.record_count():
                await producer.send_batch(builder, name, partition=partition)
        await producer.flush()
    return written

"""Events for the benchmarks, made once and written to a topic as fast as the client goes."""

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaProducer

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click, Event, FormStarted, Purchase, Signup, View
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import DAY, HOUR, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import EVENTS

START = (int(time.time()) // 86_400 - 21) * DAY
"""Midnight three weeks ago. Ticks tell the real time: what is older by months is forgotten."""
CODES = 1_000


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


def usual_mix(count: int, visitors: int, seed: int = 7) -> Iterator[Event]:
    """The events of a programme, of 100: 65 views, 27 clicks, 4 forms, 2 signups, 2 purchases.

    Signups are of visitors, purchases of users who have signed up before.
    """
    rng = random.Random(seed)
    users: list[int] = []
    for n in range(count):
        visitor = rng.randrange(visitors)
        common: dict[str, Any] = {
            "event_id": f"019a0000-0000-7000-8000-{n:012x}",
            "event_time": START + n * DAY // count,
            "received_at": START + n * DAY // count + 150,
            "channel": "email",
            "country": "DE",
        }
        touch = common | {
            "visitor_id": f"019a0000-0000-7000-9000-{visitor:012x}",
            "code": code_of(visitor),
            "code_known": True,
            "campaign_id": "bench",
            "category": "shipment",
        }
        share = rng.random()
        if share < 0.65:
            yield View(**touch)
        elif share < 0.92:
            yield Click(**touch)
        elif share < 0.96:
            yield FormStarted(**touch)
        elif share < 0.98 or not users:
            users.append(visitor)
            signup = common | {"visitor_id": touch["visitor_id"]}
            yield Signup(user_id=f"user-{visitor}", **signup)
        else:
            yield Purchase(
                user_id=f"user-{rng.choice(users)}",
                order_id=f"order-{n}",
                amount_micros=20_000_000,
                currency="EUR",
                **common,
            )


def code_of(visitor: int) -> str:
    """The code that a visitor comes by."""
    return f"REF{visitor % CODES:09d}"


def programme() -> tuple[CampaignDefined, list[CodeChanged]]:
    """A campaign that rewards signups on both sides, and its codes."""
    common: dict[str, Any] = {"received_at": START, "campaign_id": "bench"}
    campaign = CampaignDefined(
        event_id="bench@1",
        event_time=START,
        version=1,
        effective_from=0,
        name="Benchmark",
        category="shipment",
        referrer_reward_micros=5_000_000,
        referee_reward_micros=5_000_000,
        reward_currency="EUR",
        **common,
    )
    codes = [
        CodeChanged(
            event_id=f"code-{n}",
            event_time=START,
            code=code_of(n),
            owner_user_id=f"owner-{n}",
            created_at=START,
            **common,
        )
        for n in range(CODES)
    ]
    return campaign, codes


def fill(
    installation: Installation, partitions: int, records: Iterable[Record], topic: Topic = EVENTS
) -> int:
    """Write records under their keys. Returns how many bytes of values were written."""
    return asyncio.run(_fill(installation, partitions, records, topic))


async def _fill(
    installation: Installation, partitions: int, records: Iterable[Record], topic: Topic
) -> int:
    name = installation.name_of(topic)
    written = 0
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, max_batch_size=512 << 10
    ) as producer:
        builders = [producer.create_batch() for _ in range(partitions)]
        for record in records:
            key, value = topic.key_of(record), encode(record)
            partition = topic.partition(key, partitions)
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

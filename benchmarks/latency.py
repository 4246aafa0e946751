"""Latency from an accepted signup to its reward-granted record, readable as committed.

A whole local stack with two workers, as `reftrail up` runs it. First a usual mix at 500 events/s
(see load.usual_mix: 2 of 100 are signups), then 300 signups per second, each a claim.

    python benchmarks/latency.py [--seconds 30]
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from load import CODES, code_of, fill, programme

from reftrail.client import AsyncReftrail
from reftrail.contracts.codec import decode_as
from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.topics import CAMPAIGNS, REWARD_GRANTED
from reftrail.contracts.topics import CODES as CODES_TOPIC
from reftrail.local.ready import Ready
from reftrail.local.stack import Stack, StackSettings

PARTITIONS = 4
TICK = 0.02
WARM_UP = 30.0

Event = dict[str, Any]


def measure(seconds: float) -> dict[str, float]:
    """Milliseconds at the middle and the 99th percentile, for both loads."""
    with tempfile.TemporaryDirectory() as directory:
        settings = StackSettings(data_dir=Path(directory), workers=2, partitions=PARTITIONS)
        with Stack(settings) as stack:
            stack.wait_until_ready()
            campaign, codes = programme()
            fill(stack.installation, PARTITIONS, [campaign], CAMPAIGNS)
            fill(stack.installation, PARTITIONS, codes, CODES_TOPIC)
            usual = asyncio.run(_run(stack.ready, _usual, 500, seconds))
            claims = asyncio.run(_run(stack.ready, _signups, 300, seconds))
    return {
        "signup_to_grant_p50_ms": statistics.median(usual),
        "signup_to_grant_p99_ms": _percentile(usual, 99),
        "claims_300_p50_ms": statistics.median(claims),
        "claims_300_p99_ms": _percentile(claims, 99),
    }


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def _usual(rng: random.Random) -> Iterator[Event]:
    """One event of the usual mix; a signup comes with its click before it, in order."""
    visitor, share = rng.randrange(20_000), rng.random()
    touch = {"visitor_id": f"v{visitor}", "code": code_of(visitor)}
    if share < 0.68:
        yield {"type": "view", **touch}
    elif share < 0.96:
        yield {"type": "click", **touch}
    elif share < 0.98:
        yield {"type": "form_started", **touch}
    else:
        yield from _signups(rng)


def _signups(rng: random.Random) -> Iterator[Event]:
    """A new visitor's click and signup, a minute later: sooner ones are held for a review."""
    name = uuid.UUID(int=rng.getrandbits(128)).hex
    code = code_of(rng.randrange(CODES))
    now = datetime.now(UTC)
    clicked = (now - timedelta(minutes=1)).isoformat()
    yield {"type": "click", "visitor_id": name, "code": code, "event_time": clicked}
    yield {"type": "signup", "visitor_id": name, "user_id": name, "event_time": now.isoformat()}


async def _run(
    ready: Ready, draw: Callable[[random.Random], Iterator[Event]], rate: int, seconds: float
) -> list[float]:
    """Send at a rate per second (of draws), and measure from answer to grant, in milliseconds."""
    accepted: dict[str, float] = {}
    granted: dict[str, float] = {}
    reading = asyncio.Event()
    reader = asyncio.create_task(_read(ready, granted, reading))
    await reading.wait()
    rng, started = random.Random(rate), time.perf_counter()
    async with AsyncReftrail(ready.collector_url, ready.secret_key) as client:
        sending: set[asyncio.Task[None]] = set()
        drawn = 0
        while (now := time.perf_counter() - started) < WARM_UP + seconds:
            due = int(now * rate) - drawn
            drawn += due
            batch = [event for _ in range(due) for event in draw(rng)]
            if batch:
                task = asyncio.create_task(_send(client, batch, accepted, warm=now > WARM_UP))
                sending.add(task)
                task.add_done_callback(sending.discard)
            await asyncio.sleep(TICK)
        await asyncio.gather(*sending)
    deadline = time.perf_counter() + 20
    while not accepted.keys() <= granted.keys() and time.perf_counter() < deadline:
        await asyncio.sleep(0.1)
    reader.cancel()
    missing = accepted.keys() - granted.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(accepted)} signups have no grant after 20 s")
    return [max(0.0, granted[user] - at) * 1000 for user, at in accepted.items()]


async def _send(
    client: AsyncReftrail, batch: list[Event], accepted: dict[str, float], *, warm: bool
) -> None:
    receipt = await client.send(batch)
    if receipt.rejected:
        raise RuntimeError(f"rejected: {receipt.rejected[0]}")
    if warm:
        now = time.perf_counter()
        accepted.update({e["user_id"]: now for e in batch if e["type"] == "signup"})


async def _read(ready: Ready, granted: dict[str, float], reading: asyncio.Event) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=ready.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="latest",
    )
    await consumer.start()
    name = REWARD_GRANTED.full_name(ready.topic_prefix)
    consumer.assign([TopicPartition(name, partition) for partition in range(PARTITIONS)])
    for partition in consumer.assignment():
        await consumer.position(partition)
    reading.set()
    try:
        while True:
            for messages in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.perf_counter()
                for message in messages:
                    granted.setdefault(decode_as(RewardGranted, message.value).user_id, now)
    finally:
        await consumer.stop()


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    figures = measure(parser.parse_args().seconds)
    print(json.dumps({name: round(figure, 1) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()

"""Events all the while: known visitors, and new users whose grants are timed."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from load import code_of, usual_mix

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.events import Click, Signup
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Record
from reftrail.contracts.topics import EVENTS, REWARD_GRANTED

SIGNUPS_A_SECOND = 10


@dataclass
class SteadyLoad:
    """Events all the while: a usual mix of known visitors, and new users, whose grants are timed.

    The same topics may have had such a load before: users and events have other names each time.

    signed_up has when each new user did, granted when the referee's grant of each was seen.
    """

    installation: Installation
    partitions: int
    visitors: int
    events_a_second: int
    signed_up: dict[str, float] = field(default_factory=dict)
    granted: dict[str, float] = field(default_factory=dict)
    _stopping: Event = field(default_factory=Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Produce and watch in threads of their own."""
        threads = [
            Thread(target=lambda: asyncio.run(self._produce())),
            Thread(target=lambda: asyncio.run(self._watch())),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def missing(self) -> int:
        """The number of users without a grant so far."""
        return len(set(self.signed_up.copy()) - set(self.granted.copy()))

    def slowest(self, since: float, until: float) -> float:
        """Seconds of the slowest grant of those who signed up in a time."""
        seen = time.monotonic()
        times = (at for at in self.signed_up.copy().items() if since <= at[1] < until)
        return max((self.granted.get(user, seen) - at for user, at in times), default=0.0)

    async def _produce(self) -> None:
        name = self.installation.name_of(EVENTS)
        mix = usual_mix(10**9, self.visitors, seed=time.time_ns())
        tenth = max(1, self.events_a_second // 10)
        async with AIOKafkaProducer(
            bootstrap_servers=self.installation.bootstrap_servers, linger_ms=5
        ) as producer:
            n, began = 0, time.monotonic()
            while not self._stopping.is_set():
                for record in [next(mix) for _ in range(tenth)] + self._new_user(n):
                    partition = EVENTS.partition(EVENTS.key_of(record), self.partitions)
                    key = EVENTS.key_of(record).encode()
                    await producer.send(name, encode(record), key, partition=partition)
                n += 1
                await asyncio.sleep(max(0.0, began + n / SIGNUPS_A_SECOND - time.monotonic()))

    def _new_user(self, n: int) -> list[Record]:
        now = int(time.time() * 1000)
        name = f"{now}-{n}"
        user = f"new-{name}"
        common: dict[str, Any] = {"received_at": now, "visitor_id": f"visitor-{name}"}
        self.signed_up[user] = time.monotonic()
        return [
            Click(event_id=f"click-{name}", event_time=now - 60_000, code=code_of(n), **common),
            Signup(event_id=f"signup-{name}", event_time=now, user_id=user, **common),
        ]

    async def _watch(self) -> None:
        async with AIOKafkaConsumer(
            self.installation.name_of(REWARD_GRANTED),
            bootstrap_servers=self.installation.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        ) as consumer:
            while not self._stopping.is_set():
                for messages in (await consumer.getmany(timeout_ms=100)).values():
                    for message in messages:
                        grant: Any = decode(message.value)
                        if grant.role == "referee":
                            self.granted.setdefault(grant.user_id, time.monotonic())

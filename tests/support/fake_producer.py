"""Kafka's producer as a collector uses it, acknowledging when a test says so."""

import asyncio
from typing import Any

from reftrail.contracts.installation import Installation


class FakeBatch:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, timestamp: None, key: bytes, value: bytes) -> object:
        if len(self.values) == 100:
            return None
        self.values.append(value)
        return object()


class FakeProducer:
    """Acknowledges a batch when the test says so."""

    made: list["FakeProducer"]

    def __init__(self, installation: Installation, **settings: Any) -> None:
        assert installation.bootstrap_servers == "b:1"
        assert settings["enable_idempotence"] is True
        self.sent: list[tuple[int, list[bytes], asyncio.Future[None]]] = []
        self.stopped = False
        FakeProducer.made.append(self)

    async def start(self) -> None:
        pass

    async def partitions_for(self, topic: str) -> set[int]:
        assert topic == "referral.events"
        return {0, 1}

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(
        self, batch: FakeBatch, topic: str, *, partition: int
    ) -> asyncio.Future[None]:
        acknowledgement: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((partition, batch.values, acknowledgement))
        return acknowledgement

    def acknowledge(self) -> None:
        for _, _, acknowledgement in self.sent:
            if not acknowledgement.done():
                acknowledgement.set_result(None)

    async def stop(self) -> None:
        self.stopped = True

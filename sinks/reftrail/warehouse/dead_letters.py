"""Dead letters of messages that can't be loaded, with their bytes and the reason."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from reftrail.contracts.codec import encode
from reftrail.contracts.dead_letters import dead_letter
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS
from reftrail.hosting.kafka.asynchronous import AsyncProducer, async_producer
from reftrail.rules.decider import derived_id
from reftrail.warehouse.blocks import UnloadableMessage

STAGE: Final = "warehouse"

_log = logging.getLogger(__name__)


class Bury(Protocol):
    """Puts messages aside; returns when they are safe."""

    async def __call__(self, letters: Sequence[DeadLettered]) -> None:
        """May be asked again for the same letters: they have the same ids then."""


def letter(topic: Topic, refused: UnloadableMessage) -> DeadLettered:
    """The record of a refused message. The same message always gives the same one."""
    at = refused.place
    return dead_letter(
        event_id=derived_id("dead-letter", STAGE, topic.name, f"{at.partition}:{at.offset}"),
        timestamp=refused.timestamp,
        stage=STAGE,
        reason="undecodable",
        detail=refused.detail,
        topic=topic.name,
        partition=at.partition,
        offset=at.offset,
        message_key=refused.key,
        payload=refused.value,
    )


class DeadLetters:
    """Writes to the dead-letters topic; connects when there is first something to write."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._producer: AsyncProducer | None = None

    async def bury(self, letters: Sequence[DeadLettered]) -> None:
        """Write letters and wait for the acknowledgements of all replicas in sync.

        Raises what the client raises where the broker takes one of them not: none is lost.
        """
        producer = await self._connected()
        name = self._installation.name_of(DEAD_LETTERS)
        count = len(await producer.partitions_for(name))
        sent: list[asyncio.Future[Any]] = []
        for buried in letters:
            key = DEAD_LETTERS.key_of(buried)
            _log.warning(
                "%s/%d offset %d cannot be loaded: %s",
                buried.topic,
                buried.partition,
                buried.offset,
                buried.detail,
            )
            sent.append(
                await producer.send(
                    name,
                    key=key.encode(),
                    value=encode(buried),
                    partition=DEAD_LETTERS.partition(key, count),
                )
            )
        await asyncio.gather(*sent)

    async def stop(self) -> None:
        """Disconnect, if ever connected."""
        if self._producer is not None:
            await self._producer.stop()

    async def _connected(self) -> AsyncProducer:
        if self._producer is None:
            self._producer = async_producer(
                self._installation, enable_idempotence=True, max_request_size=8 << 20
            )
            await self._producer.start()
        return self._producer

"""Reader of the topic `api-keys` in each host, and writer of `api-key-uses`, their last use."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uuid_utils
from aiokafka.errors import KafkaError

from reftrail.contracts.api_keys import ApiKeyChanged, ApiKeyUsed
from reftrail.contracts.codec import encode
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis
from reftrail.contracts.topics import API_KEY_USES, API_KEYS
from reftrail.edge.api_keys import ApiKeys, Caller
from reftrail.hosting.kafka.asynchronous import async_producer
from reftrail.hosting.kafka.compacted_topic_reader import (
    CompactedTopicReader,
    TopicTable,
    TopicUnavailable,
)

logger = logging.getLogger(__name__)

_REPORT_SECONDS: Final = 30.0
_READ_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.2


class ApiKeysReader:
    """Keeps a table of keys up with their topic; `run` does until it is cancelled.

    While Kafka is away the keys that were read last go on: what was revoked meanwhile is found out
    when it is back, expiry at any time.
    """

    def __init__(
        self, installation: Installation, keys: ApiKeys, on_undecodable: Callable[[], None]
    ) -> None:
        self._keys = keys
        keys.is_complete = False
        self._reader = CompactedTopicReader(
            installation,
            {installation.name_of(API_KEYS): TopicTable(ApiKeyChanged, keys.take, keys.drop)},
            on_progress=lambda: None,
            on_undecodable=on_undecodable,
        )

    async def run(self) -> None:
        """Follow the topic. Raises `NewerVersionNeeded` at a newer version's record."""
        completing = asyncio.create_task(self._note_completion())
        try:
            await self._reader.run()
        finally:
            completing.cancel()

    async def _note_completion(self) -> None:
        while not self._keys.is_complete:
            try:
                await self._reader.refresh(_READ_SECONDS)
            except TopicUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._keys.is_complete = True
                logger.info("API keys are read")


class KeyUses:
    """Writes when each key was last used, every half a minute; `run` does until cancelled.

    What was used within the last half minute before a host is killed is not reported.
    """

    def __init__(self, installation: Installation, keys: ApiKeys, host: str) -> None:
        self._installation = installation
        self._keys = keys
        self._host = host

    async def run(self) -> None:
        """Write at intervals; while Kafka is away, later."""
        waiting: dict[Caller, Millis] = {}
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            waiting |= self._keys.take_uses()
            if not waiting:
                continue
            try:
                await self._write(waiting)
            except (KafkaError, TimeoutError) as error:
                logger.warning("uses of keys can't be written yet: %r", error)
            else:
                waiting = {}

    async def _write(self, uses: dict[Caller, Millis]) -> None:
        producer = async_producer(self._installation)
        try:
            await producer.start()
            topic = self._installation.name_of(API_KEY_USES)
            partitions = len(await producer.partitions_for(topic))
            for caller, at in uses.items():
                used = _used(caller, at, self._host)
                key = API_KEY_USES.key_of(used)
                await producer.send_and_wait(
                    topic,
                    key=key.encode(),
                    value=encode(used),
                    partition=API_KEY_USES.partition(key, partitions),
                )
        finally:
            with suppress(KafkaError):
                await producer.stop()


def _used(caller: Caller, at: Millis, host: str) -> ApiKeyUsed:
    return ApiKeyUsed(
        event_id=str(uuid_utils.uuid7()),
        event_time=at,
        received_at=at,
        name=caller.name,
        key_id=caller.key_id,
        host=host,
    )

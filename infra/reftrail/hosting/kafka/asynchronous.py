"""Clients of aiokafka, for hosts that run on an event loop."""

import asyncio
import logging
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import CoordinatorNotAvailableError, KafkaConnectionError, KafkaError
from tenacity import before_sleep_log, retry, retry_if_exception, wait_fixed

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.security import connection
from reftrail.hosting.kafka.take_overs import retry_commits

AsyncConsumer: TypeAlias = AIOKafkaConsumer
AsyncProducer: TypeAlias = AIOKafkaProducer

_RETRY_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.1
"""The client's default time between retries."""

_log = logging.getLogger(__name__)


def is_retriable(error: BaseException) -> bool:
    """Whether a broker that is away, or busy with itself, may be the cause of an error."""
    return isinstance(error, KafkaError) and bool(error.retriable)


def async_producer(installation: Installation, **settings: Any) -> AsyncProducer:
    """A producer that isn't started yet; a record is acknowledged by all replicas in sync."""
    producer = AIOKafkaProducer(**connection(installation), acks="all", **settings)
    pause_after_failures(producer.client)
    retry_lookups(producer.client)
    retry_commits(producer)
    return producer


def async_consumer(installation: Installation, *topics: str, **settings: Any) -> AsyncConsumer:
    """A consumer of committed records that isn't started yet; it commits no positions itself."""
    consumer = AIOKafkaConsumer(
        *topics,
        **connection(installation),
        isolation_level="read_committed",
        enable_auto_commit=False,
        **settings,
    )
    pause_after_failures(consumer._client)  # noqa: SLF001  (no public way)
    return consumer


def pause_after_failures(client: AIOKafkaClient) -> None:
    """Have a client pause after each vain question for metadata.

    Its loops for sending and fetching ask again at once where they lack a partition's leader, as
    the last answer of a broker that goes down may leave them. Without the pause they ask thousands
    of times a second for as long as no broker answers.
    """
    update = client._metadata_update  # noqa: SLF001  (no public way)

    async def patient_update(cluster: ClusterMetadata, topics: AbstractSet[str] | None) -> bool:
        is_updated: bool = await update(cluster, topics)
        if not is_updated:
            await asyncio.sleep(_PAUSE_SECONDS)
        return is_updated

    client._metadata_update = patient_update  # noqa: SLF001


def retry_lookups(client: AIOKafkaClient) -> None:
    """Have a producer look its coordinator up again if the connection is lost meanwhile.

    Of all that a broker that goes down may do to its requests, the client takes this alone for an
    error that ends the producer, and with it the host.
    """
    look_up = client.coordinator_lookup

    async def retried(kind: int, key: str) -> int:
        try:
            node_id: int = await look_up(kind, key)
        except KafkaConnectionError as error:
            raise CoordinatorNotAvailableError(str(error)) from error
        return node_id

    client.coordinator_lookup = retried


def async_admin(installation: Installation) -> AIOKafkaAdminClient:
    """An administrator's client that isn't started yet."""
    return AIOKafkaAdminClient(**connection(installation))


@retry(
    retry=retry_if_exception(is_retriable),
    wait=wait_fixed(_RETRY_SECONDS),
    before_sleep=before_sleep_log(_log, logging.WARNING),
    reraise=True,
)
async def wait_for_broker(installation: Installation) -> None:
    """Return once a broker answers, however long that takes; each attempt is logged.

    Raises `KafkaError` if it answers with something else than patience helps against.
    """
    admin = async_admin(installation)
    try:
        await admin.start()
    finally:
        await admin.close()

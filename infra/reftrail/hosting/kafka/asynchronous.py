"""Clients of aiokafka, for hosts that run on an event loop."""

import logging
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from tenacity import before_sleep_log, retry, retry_if_exception, wait_fixed

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.security import connection

AsyncConsumer: TypeAlias = AIOKafkaConsumer
AsyncProducer: TypeAlias = AIOKafkaProducer

_RETRY_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


def is_retriable(error: BaseException) -> bool:
    """Whether a broker that is away, or busy with itself, may be the cause of an error."""
    return isinstance(error, KafkaError) and bool(error.retriable)


def async_producer(installation: Installation, **settings: Any) -> AsyncProducer:
    """A producer that isn't started yet; a record is acknowledged by all replicas in sync."""
    return AIOKafkaProducer(**connection(installation), acks="all", **settings)


def async_consumer(installation: Installation, *topics: str, **settings: Any) -> AsyncConsumer:
    """A consumer of committed records that isn't started yet; it commits no positions itself."""
    return AIOKafkaConsumer(
        *topics,
        **connection(installation),
        isolation_level="read_committed",
        enable_auto_commit=False,
        **settings,
    )


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

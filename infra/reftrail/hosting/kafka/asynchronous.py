"""Clients of aiokafka, for hosts that run on an event loop."""

from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.security import connection

AsyncConsumer: TypeAlias = AIOKafkaConsumer
AsyncProducer: TypeAlias = AIOKafkaProducer


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

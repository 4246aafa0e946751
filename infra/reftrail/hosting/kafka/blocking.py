"""Clients of kafka-python, for commands and threads. Making one connects it."""

from typing import Any, Final, TypeAlias

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.security import connection

BlockingConsumer: TypeAlias = KafkaConsumer
BlockingProducer: TypeAlias = KafkaProducer

_BOOTSTRAP_MS: Final = 10_000


def blocking_producer(installation: Installation, **settings: Any) -> BlockingProducer:
    """A producer; a record is acknowledged by all replicas in sync. Raises `KafkaError`."""
    return KafkaProducer(**_connection(installation, settings), acks="all", **settings)


def blocking_consumer(installation: Installation, **settings: Any) -> BlockingConsumer:
    """A consumer of committed records that commits no positions itself. Raises `KafkaError`."""
    return KafkaConsumer(
        **_connection(installation, settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        **settings,
    )


def blocking_admin(installation: Installation, **settings: Any) -> KafkaAdminClient:
    """An administrator's client. Raises `KafkaError`."""
    return KafkaAdminClient(**_connection(installation, settings), **settings)


def _connection(installation: Installation, settings: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the connection. The settings may replace the default bootstrap_timeout_ms."""
    timeout = settings.pop("bootstrap_timeout_ms", _BOOTSTRAP_MS)
    return {**connection(installation), "bootstrap_timeout_ms": timeout}

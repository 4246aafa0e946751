"""Clients of kafka-python, for commands and threads. Making one connects it."""

import logging
from typing import Any, Final, TypeAlias

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from tenacity import before_sleep_log, retry, retry_if_exception, wait_fixed

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.security import connection

BlockingConsumer: TypeAlias = KafkaConsumer
BlockingProducer: TypeAlias = KafkaProducer

_BOOTSTRAP_MS: Final = 10_000
_ANSWERS_MS: Final = 2_000
_RETRY_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


def is_retriable(error: BaseException) -> bool:
    """Whether a broker that is away, or busy with itself, may be the cause of an error."""
    return isinstance(error, KafkaError) and bool(error.retriable)


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


@retry(
    retry=retry_if_exception(is_retriable),
    wait=wait_fixed(_RETRY_SECONDS),
    before_sleep=before_sleep_log(_log, logging.WARNING),
    reraise=True,
)
def wait_for_broker(installation: Installation) -> None:
    """Return once a broker answers, however long that takes; each attempt is logged.

    Raises `KafkaError` if it answers with something else than patience helps against.
    """
    blocking_admin(installation, bootstrap_timeout_ms=_ANSWERS_MS).close()


def _connection(installation: Installation, settings: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the connection. The settings may replace the default bootstrap_timeout_ms."""
    timeout = settings.pop("bootstrap_timeout_ms", _BOOTSTRAP_MS)
    return {**connection(installation), "bootstrap_timeout_ms": timeout}

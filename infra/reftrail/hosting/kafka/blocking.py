"""Clients of kafka-python, for commands and threads. Making one connects it."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.security import connection

BlockingConsumer: TypeAlias = KafkaConsumer
BlockingProducer: TypeAlias = KafkaProducer

_BOOTSTRAP_MS: Final = 10_000
_CLOSE_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


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


def close_in_time(close: Callable[[], None], seconds: float = _CLOSE_SECONDS) -> None:
    """Close a client without fail: one that isn't closed by then is left to itself.

    A consumer whose broker was killed waits for it without a limit in close (kafka-python 3.0.12,
    `ConsumerCoordinator.close`), whatever time-out it is given.
    """
    closing = threading.Thread(target=_close_quietly, args=(close,), name="close", daemon=True)
    closing.start()
    closing.join(seconds)
    if closing.is_alive():
        _log.warning("a Kafka client isn't closed after %.0f s, and is left to itself", seconds)


def _close_quietly(close: Callable[[], None]) -> None:
    with suppress(KafkaError):
        close()


def _connection(installation: Installation, settings: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the connection. The settings may replace the default bootstrap_timeout_ms."""
    timeout = settings.pop("bootstrap_timeout_ms", _BOOTSTRAP_MS)
    return {**connection(installation), "bootstrap_timeout_ms": timeout}

"""Clients of kafka-python, for commands and threads. Making one connects it."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    InvalidProducerEpochError,
    InvalidTxnStateError,
    KafkaError,
    KafkaTimeoutError,
    MetadataEmptyBrokerList,
    ProducerFencedError,
    UnknownError,
)
from kafka.producer.transaction_manager import EndTxnHandler

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.log_bounds import RecordMark
from reftrail.hosting.kafka.security import connection

BlockingConsumer: TypeAlias = KafkaConsumer
BlockingProducer: TypeAlias = KafkaProducer

_BOOTSTRAP_MS: Final = 10_000
_RECONNECT_MS: Final = 1_000
"""The longest wait between two attempts to connect; the client's own is half a minute."""

_CLOSE_SECONDS: Final = 5.0
_POLL_MS: Final = 200
_METADATA_SECONDS: Final = 15.0
_METADATA_PAUSE: Final = 0.2
_FENCED: Final = (ProducerFencedError, InvalidProducerEpochError, InvalidTxnStateError)
"""A partition that is written to may be the first to notice; it knows no such transaction then."""
_COMMIT_ATTEMPTS: Final = 50

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


def blocking_producer(installation: Installation, **settings: Any) -> BlockingProducer:
    """A producer; a record is acknowledged by all replicas in sync. Raises `KafkaError`."""
    producer = KafkaProducer(**_connection(installation, settings), acks="all", **settings)
    if "transactional_id" in settings:
        retry_commits(producer._transaction_manager)  # noqa: SLF001  (no public way)
    return producer


def retry_commits(manager: Any) -> None:
    """Have a producer's transactions ask again how they end, if the broker itself fails in that.

    The reason is the one of `take_overs.retry_commits`, for the other client.
    """
    enqueue = manager._enqueue_request  # noqa: SLF001  (no public way)

    def enqueue_patient(handler: Any) -> None:
        if isinstance(handler, EndTxnHandler) and "handle_response" not in vars(handler):
            handler.handle_response = _asking_again(handler)
        enqueue(handler)

    manager._enqueue_request = enqueue_patient  # noqa: SLF001


def _asking_again(handler: Any) -> Callable[[Any], None]:
    handle, left = handler.handle_response, iter(range(_COMMIT_ATTEMPTS))

    def handle_patiently(response: Any) -> None:
        failed = response.error_code == UnknownError.errno
        if failed and next(left, None) is not None:
            handler.reenqueue()
        else:
            handle(response)

    return handle_patiently


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


def marks_at(
    consumer: BlockingConsumer, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, RecordMark | None]:
    """The marks of what is committed at some offsets before the ends of their logs.

    The consumer must not be reading anything else. It has these partitions afterwards.
    """
    consumer.assign(list(offsets))
    for at, offset in offsets.items():
        consumer.seek(at, offset)
    found: dict[TopicPartition, RecordMark | None] = {}
    while unread := offsets.keys() - found.keys():
        polled = consumer.poll(timeout_ms=_POLL_MS)
        for at in unread:
            first = next(iter(polled.get(at, ())), None)
            if first is not None and first.offset == offsets[at]:
                found[at] = RecordMark.of(first.offset, first.timestamp, first.key, first.value)
            elif first is not None or consumer.position(at) > offsets[at]:
                found[at] = None  # removed, or no record: what ends a transaction has an offset
    return found


def numbers_of(
    ask: Callable[[str], Collection[int] | None], topic: str, seconds: float = _METADATA_SECONDS
) -> list[int]:
    """The numbers of a topic's partitions; none if there is no such topic.

    ask is a client's `partitions_for_topic`, which the broker can't answer for a moment after it
    was too busy to be heard by its controller: it is asked again for so long. Raises `KafkaError`.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return sorted(ask(topic) or ())
        except MetadataEmptyBrokerList:
            if time.monotonic() >= until:
                raise
            time.sleep(_METADATA_PAUSE)


def is_fenced(error: KafkaError) -> bool:
    """Whether an error says that another producer has taken this one's transactional id over.

    The error itself says so, or what it wraps: that depends on which request was under way. Where
    the client had noted it between two requests, only the text of its error names it.
    """
    said = (error, error.__cause__, *error.args)
    return any(isinstance(part, _FENCED) for part in said) or any(
        kind.__name__ in str(error) for kind in _FENCED
    )


def within(seconds: float, call: Callable[[], Answer], what: str) -> Answer:
    """Result or error of a client's call. Raises `KafkaTimeoutError` if it lasts longer.

    The end of a transaction is waited for without a limit in kafka-python 3.0.12: one whose broker
    was killed meanwhile may wait for ever. Such a call is left to itself, and with it its client,
    which must not be used for anything else afterwards. what names the call, for the message.
    """
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=run, name=what, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError as error:
        if answer.done():  # the call's own error, or its answer at the last moment
            return answer.result()
        raise KafkaTimeoutError(f"Kafka hasn't done this within {seconds:.0f} s: {what}") from error


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
    return {
        **connection(installation),
        "bootstrap_timeout_ms": timeout,
        "reconnect_backoff_max_ms": _RECONNECT_MS,
    }

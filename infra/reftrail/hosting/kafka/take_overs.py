"""Transactional producers of aiokafka whose transactional id another producer takes over.

A producer that starts fences those before it that have the same transactional id. What they are
answered hangs on the moment, and only some of the answers say so.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTxnState, KafkaError, ProducerFenced, UnknownError
from tenacity import (
    before_sleep_log,
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_fixed,
)

_PAUSE_SECONDS: Final = 0.1
_ATTEMPTS: Final = 50
_ABORT_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


def retry_commits(producer: AIOKafkaProducer) -> None:
    """Have a producer ask again how its transaction ends, if the broker itself fails in that.

    A coordinator that gets a commit while another producer takes the transactional id over answers
    with UNKNOWN_SERVER_ERROR: it meets a state that it holds for impossible (Kafka 4.1,
    `TransactionCoordinator.endTransaction` with a pending epoch fence). Asked again a moment later,
    it says that this one is fenced, which the client takes for an error of its own kind. A commit
    that had its effect is answered as such: it may be sent any number of times.
    """
    sender = producer._sender  # noqa: SLF001  (no public way)
    commit: Callable[[int], Awaitable[None]] = sender._do_txn_commit  # noqa: SLF001

    @retry(
        retry=retry_if_exception_type(UnknownError),
        wait=wait_fixed(_PAUSE_SECONDS),
        stop=stop_after_attempt(_ATTEMPTS),
        before_sleep=before_sleep_log(_log, logging.WARNING),
        reraise=True,
    )
    async def asked_again(commit_result: int) -> None:
        await commit(commit_result)

    sender._do_txn_commit = asked_again  # noqa: SLF001


async def is_fenced(producer: AIOKafkaProducer, error: Exception) -> bool:
    """Whether a transaction's error came from another producer that took this one's id over.

    The producer must not be used any more. A partition that is written to only says that there is
    no such transaction (INVALID_TXN_STATE); then the coordinator is asked, by an abort.
    """
    if isinstance(error, InvalidTxnState):
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_ABORT_SECONDS):
                await producer.abort_transaction()
    # What follows a fence only says that the producer can't go on. The client has no public way.
    manager = producer._txn_manager  # noqa: SLF001
    ended = manager._transaction_waiter  # noqa: SLF001
    cause = ended.exception() if manager.is_fatal_error() and ended.done() else error
    return isinstance(cause, ProducerFenced)

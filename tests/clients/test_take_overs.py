"""Producers whose transactional id is taken over: what the broker says to them, and when."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import InvalidTxnState, KafkaError, ProducerFenced, UnknownError
from aiokafka.producer.transaction_manager import TransactionManager, TransactionResult
from aiokafka.protocol.transaction import EndTxnResponse_v0
from kafka.errors import ProducerFencedError
from kafka.producer import transaction_manager

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka import blocking, take_overs
from reftrail.hosting.kafka.asynchronous import AsyncProducer, async_producer

NONE, UNKNOWN_SERVER_ERROR, INVALID_PRODUCER_EPOCH = 0, -1, 47


def transacting(monkeypatch: pytest.MonkeyPatch) -> AsyncProducer:
    """A producer with a transaction under way."""
    monkeypatch.setattr(take_overs, "_PAUSE_SECONDS", 0)
    made = async_producer(Installation(bootstrap_servers="kafka:9092"), transactional_id="ticker")
    manager = TransactionManager("ticker", 1_000)
    manager.set_pid_and_epoch(7, 0)
    manager.begin_transaction()
    manager.maybe_add_partition_to_txn(TopicPartition("ticks", 0))
    manager.partition_added(TopicPartition("ticks", 0))
    made._txn_manager = made._sender._txn_manager = manager
    made._closed = True  # it was never connected
    return made


async def commit(
    producer: AsyncProducer, answers: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> int:
    """Commit, answered by these codes, the last for ever. Returns the number of requests."""
    left = list(answers)
    asked: list[Any] = []

    async def coordinator(kind: int, key: str) -> int:
        return 1

    async def send(node_id: int, request: Any, group: int) -> EndTxnResponse_v0:
        asked.append(request)
        return EndTxnResponse_v0(0, left.pop(0) if len(left) > 1 else left[0])

    monkeypatch.setattr(producer._sender, "_find_coordinator", coordinator)
    monkeypatch.setattr(producer.client, "send", send)
    producer._txn_manager.committing_transaction()
    await producer._sender._do_txn_commit(TransactionResult.COMMIT)
    return len(asked)


async def test_a_commit_that_meets_a_take_over_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kafka answers with an error of its own while another producer's take-over is under way."""
    answers = [UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR, INVALID_PRODUCER_EPOCH]
    with pytest.raises(ProducerFenced):
        await commit(transacting(monkeypatch), answers, monkeypatch)


async def test_a_commit_that_had_its_effect_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer = transacting(monkeypatch)
    assert await commit(producer, [UNKNOWN_SERVER_ERROR, NONE], monkeypatch) == 2
    assert not producer._txn_manager.is_in_transaction()


async def test_a_broker_that_fails_for_good_ends_the_producer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UnknownError):
        await commit(transacting(monkeypatch), [UNKNOWN_SERVER_ERROR], monkeypatch)


@pytest.mark.parametrize("fence", [ProducerFenced(), None])
async def test_a_partition_without_the_transaction_has_the_coordinator_asked(
    fence: ProducerFenced | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows no such transaction: another producer ended it, or something else is wrong."""
    producer = transacting(monkeypatch)
    manager = producer._txn_manager

    async def abort() -> None:
        manager.aborting_transaction()
        if fence:
            manager.fatal_error(fence)
            raise KafkaError from fence
        manager.complete_transaction()

    monkeypatch.setattr(producer, "abort_transaction", abort)
    assert await take_overs.is_fenced(producer, InvalidTxnState()) is bool(fence)


def transacting_blocking() -> transaction_manager.TransactionManager:
    """The part of kafka-python's producer for transactions, with one under way."""
    manager = transaction_manager.TransactionManager("payouts", 1_000)
    blocking.retry_commits(manager)
    manager.set_producer_id_and_epoch(transaction_manager.ProducerIdAndEpoch(7, 0))
    manager._current_state = transaction_manager.TransactionState.IN_TRANSACTION
    manager._transaction_started = True
    return manager


@pytest.mark.parametrize(("last", "fenced"), [(0, False), (47, True)])
def test_a_blocking_commit_that_meets_a_take_over_is_asked_for_again(
    last: int, fenced: bool
) -> None:
    manager = transacting_blocking()
    result = manager.begin_commit()
    for code in (-1, -1, last):
        assert not result.is_done
        handler = manager.next_request_handler(has_incomplete_batches=False)
        handler.handle_response(SimpleNamespace(error_code=code))
    assert result.is_done
    assert isinstance(result.exception, ProducerFencedError) is fenced


def test_a_broker_that_fails_for_good_ends_a_blocking_transaction() -> None:
    manager = transacting_blocking()
    result = manager.begin_commit()
    while not result.is_done:
        handler = manager.next_request_handler(has_incomplete_batches=False)
        handler.handle_response(SimpleNamespace(error_code=-1))
    assert "UnknownError" in str(result.exception)

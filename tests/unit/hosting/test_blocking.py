"""Settings that all blocking clients have."""

from collections.abc import Callable
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import (
    InvalidProducerEpochError,
    InvalidTxnStateError,
    KafkaError,
    KafkaTimeoutError,
    MetadataEmptyBrokerList,
    ProducerFencedError,
)
from kafka.producer.transaction_manager import TransactionManager

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka import blocking


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (blocking.blocking_producer, "KafkaProducer"),
        (blocking.blocking_consumer, "KafkaConsumer"),
        (blocking.blocking_admin, "KafkaAdminClient"),
    ],
)
def test_a_client_tries_to_connect_every_second_at_least(
    make: Callable[..., Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a host would stay away for half a minute after its broker is back, or more."""
    settings: dict[str, Any] = {}
    monkeypatch.setattr(blocking, kind, lambda **given: settings.update(given))
    make(Installation(bootstrap_servers="127.0.0.1:1"), client_id="one")
    assert settings["reconnect_backoff_max_ms"] <= 1_000
    assert settings["client_id"] == "one"


def test_a_call_that_lasts_too_long_is_given_up_and_named() -> None:
    with pytest.raises(KafkaTimeoutError, match="within 0 s: a test"):
        blocking.within(0.05, Event().wait, "a test")


def test_a_call_in_time_gives_its_answer_or_its_own_error() -> None:
    assert blocking.within(5.0, lambda: 7, "a test") == 7
    with pytest.raises(TimeoutError, match="its own"):
        blocking.within(5.0, raising(TimeoutError("its own")), "a test")
    with pytest.raises(KafkaError, match="the broker's"):
        blocking.within(5.0, raising(KafkaError("the broker's")), "a test")


def raising(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def test_partitions_are_asked_for_again_while_no_broker_is_known() -> None:
    answers: list[set[int] | Exception] = [MetadataEmptyBrokerList(), {1, 0}]

    def ask(topic: str) -> set[int]:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    assert blocking.numbers_of(ask, "t") == [0, 1]
    answers[:] = [MetadataEmptyBrokerList()]
    with pytest.raises(MetadataEmptyBrokerList):
        blocking.numbers_of(ask, "t", seconds=0)
    assert blocking.numbers_of(lambda _: None, "t") == []


@pytest.mark.parametrize(
    "kind", [ProducerFencedError, InvalidProducerEpochError, InvalidTxnStateError]
)
def test_a_fence_that_the_client_noted_between_two_requests_is_one(kind: type[KafkaError]) -> None:
    """The error is the client's own, made as it makes it."""
    noted = SimpleNamespace(has_error=lambda: True, _last_error=kind())
    with pytest.raises(KafkaError) as raised:
        TransactionManager._maybe_fail_with_error(noted)
    assert not isinstance(raised.value, kind)
    assert blocking.is_fenced(raised.value)
    assert not blocking.is_fenced(KafkaTimeoutError())

"""Messages of a client, as fulfilment reads and writes them."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kafka import TopicPartition

from reftrail.contracts.codec import Undecodable, decode_as, encode, stop_if_newer
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.fulfilment.journal import Unreported
from reftrail.fulfilment.reports import Refusal
from reftrail.hosting.kafka.log_bounds import LogPosition, RecordMark

_log = logging.getLogger(__name__)


def refusal(message: Any, detail: str) -> Refusal:
    """The refusal of a message that can't be read, or is of another type."""
    place = LogPosition(message.partition, message.offset)
    return Refusal(place, message.timestamp, message.key, message.value, detail)


def mark_of(message: Any) -> RecordMark:
    """The mark by which a message is recognized in a log that has grown again."""
    return RecordMark.of(message.offset, message.timestamp, message.key, message.value)


def messages_in(polled: Mapping[TopicPartition, Iterable[Any]]) -> Iterator[Any]:
    """All messages of a poll, partition by partition."""
    for messages in polled.values():
        yield from messages


def letter_values(
    unreported: Iterable[Unreported], letters: Iterable[DeadLettered]
) -> Iterator[bytes]:
    """The values of dead letters: those of settled orders, then the others."""
    yield from (order.letter for order in unreported if order.letter is not None)
    yield from map(encode, letters)


def readable_reports(messages: Iterable[Any]) -> Iterator[FulfilmentReported]:
    """The reports in messages. A message that is none is logged and skipped."""
    for message in messages:
        try:
            yield decode_as(FulfilmentReported, message.value)
        except Undecodable as error:
            stop_if_newer(error)
            place = f"{message.topic}/{message.partition} offset {message.offset}"
            _log.warning("%s is no report and is skipped: %s", place, error)

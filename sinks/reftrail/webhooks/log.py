"""Log as a webhook reads it: the records of its topics, from its positions on."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple

from kafka import TopicPartition
from kafka.structs import OffsetAndTimestamp

from reftrail.contracts.codec import Undecodable, decode, stop_if_newer
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import TOPICS
from reftrail.hosting.kafka.blocking import (
    BlockingConsumer,
    blocking_consumer,
    close_in_time,
    numbers_of,
)
from reftrail.webhooks.messages import message_of
from reftrail.webhooks.model import LogPlace, Message

PUBLIC: Final[Mapping[str, Topic]] = {topic.name: topic for topic in TOPICS if topic.public}
"""The topics that receivers may have, by name."""

_POLL_MS: Final = 200
_CHUNK: Final = 100

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """Messages of the log, up to where it was read, and how many were no records."""

    messages: list[Message]
    read: list[LogPlace]
    unreadable: int


class WebhookLog:
    """The log under one webhook's positions. Raises `KafkaError` if the broker doesn't answer."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._consumer = _consumer(installation)

    def close(self) -> None:
        """Disconnect."""
        close_in_time(self._consumer.close)

    def go_on(
        self, topics: Iterable[str], positions: Mapping[tuple[str, int], int]
    ) -> tuple[list[LogPlace], list[str]]:
        """Read on from positions; without one a partition is read from its beginning.

        Returns the places that had to be changed, since the log has no record there any more, and
        what was missed in words.
        """
        partitions = _partitions(self._installation, self._consumer, topics)
        begins = self._consumer.beginning_offsets(list(partitions))
        ends = self._consumer.end_offsets(list(partitions))
        self._consumer.assign(list(partitions))
        changed, missed = [], []
        for at, topic in partitions.items():
            asked = positions.get((topic, at.partition), 0)
            offset = min(max(asked, begins[at]), ends[at])
            self._consumer.seek(at, offset)
            if (topic, at.partition) in positions and offset != asked:
                changed.append(LogPlace(topic, at.partition, offset))
                missed.append(_missed(topic, at.partition, asked, offset))
        return changed, missed

    def read(self) -> Found:
        """The next records, after a wait for some."""
        polled = self._consumer.poll(timeout_ms=_POLL_MS, max_records=_CHUNK)
        found = Found([], [], 0)
        unreadable = 0
        for at, messages in polled.items():
            topic = at.topic.removeprefix(self._installation.topic_prefix)
            for message in messages:
                place = LogPlace(topic, at.partition, message.offset)
                unreadable += not _take(message.value, place, found.messages)
            found.read.append(LogPlace(topic, at.partition, self._consumer.position(at)))
        return found._replace(unreadable=unreadable)


def places(
    installation: Installation, topics: Iterable[str], since: Millis | None
) -> dict[tuple[str, int], int]:
    """The offsets of the first records that were written since a time; None: of those to come.

    Raises `KafkaError`, or `ExpectedError` if a topic isn't there.
    """
    with closing(_consumer(installation)) as consumer:
        partitions = _partitions(installation, consumer, topics)
        found = consumer.end_offsets(list(partitions))
        if since is not None:
            for at, first in consumer.offsets_for_times(dict.fromkeys(partitions, since)).items():
                found[at] = first.offset if isinstance(first, OffsetAndTimestamp) else found[at]
    return {(topic, at.partition): found[at] for at, topic in partitions.items()}


def _take(value: bytes | None, place: LogPlace, messages: list[Message]) -> bool:
    """Add the message of a record; whether it could be read. A deleted key is none."""
    if value is None:
        return True
    try:
        messages.append(message_of(decode(value), place))
    except Undecodable as error:
        stop_if_newer(error)
        _log.error("left out %s/%d at %d: %s", *place, error)
        return False
    return True


def _missed(topic: str, partition: int, asked: int, offset: int) -> str:
    if asked < offset:
        return (
            f"{topic}/{partition}: {asked} to {offset - 1} were removed from Kafka before they "
            f"were read"
        )
    return (
        f"{topic}/{partition}: read up to {asked}, but the log ends at {offset}: it lost messages, "
        f"or was made again"
    )


def _partitions(
    installation: Installation, consumer: BlockingConsumer, topics: Iterable[str]
) -> dict[TopicPartition, str]:
    found: dict[TopicPartition, str] = {}
    for topic in topics:
        name = installation.name_of(PUBLIC[topic])
        numbers = numbers_of(consumer.partitions_for_topic, name)
        if not numbers:
            raise ExpectedError(
                f"{installation.bootstrap_servers} has no topic {name}; create the installation's "
                f"topics, or set REFTRAIL_TOPIC_PREFIX to the prefix of those it has"
            )
        found |= {TopicPartition(name, number): topic for number in numbers}
    return found


def _consumer(installation: Installation) -> BlockingConsumer:
    settings: dict[str, Any] = {"auto_offset_reset": "none", "fetch_max_wait_ms": _POLL_MS}
    return blocking_consumer(
        installation,
        group_id=None,
        max_poll_records=_CHUNK,
        request_timeout_ms=15_000,
        allow_auto_create_topics=False,
        **settings,
    )

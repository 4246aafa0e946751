"""Creates an installation's topics as the topic table says, and deletes them."""

import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import DAY
from reftrail.contracts.topic import FOR_GOOD, Topic
from reftrail.contracts.topics import EVENTS, TOPICS
from reftrail.hosting.kafka.blocking import blocking_admin

_SEGMENT: Final = 7 * DAY
_COMPACTED_SEGMENT: Final = 64 * 1024 * 1024
_GONE_WITHIN: Final = 15.0


def create_topics(installation: Installation, partitions: int, replication_factor: int = 1) -> None:
    """Make every topic that isn't there yet, each with so many partitions.

    Raises `ExpectedError` when a topic exists with another number of partitions (equal keys would
    no longer meet in one worker), or when the broker doesn't answer.
    """
    with admin(installation) as client:
        found = _partition_counts(client, installation)
        _check_counts(found, partitions)
        _create(
            client,
            {
                installation.name_of(topic): {
                    "num_partitions": partitions,
                    "replication_factor": replication_factor,
                    "configs": topic_configuration(topic, replication_factor),
                }
                for topic in TOPICS
                if installation.name_of(topic) not in found
            },
        )


def partition_count(installation: Installation) -> int | None:
    """The number of partitions of the events topic; None if there is no such topic yet."""
    with admin(installation) as client:
        return _partition_counts(client, installation).get(installation.name_of(EVENTS))


def delete_topics(installation: Installation) -> None:
    """Delete all of an installation's topics, with all that is in them; wait until they are gone.

    Raises `ExpectedError` when they still are there after some seconds.
    """
    until = time.monotonic() + _GONE_WITHIN
    with admin(installation) as client:
        while found := _existing(client, installation):
            if time.monotonic() > until:
                raise ExpectedError(f"the broker has not deleted {', '.join(found)}; see its log")
            client.delete_topics(found, raise_errors=False)
            time.sleep(0.02)


def topic_configuration(topic: Topic, replication_factor: int = 1) -> dict[str, str]:
    """A topic's settings on the broker: https://kafka.apache.org/documentation/#topicconfigs."""
    # Kafka's default of 1 lets acks=all mean one replica, whose loss then loses what was answered.
    # 2 of 3 replicas keep an acknowledged record and allow one broker to be away.
    replicas_in_sync = 2 if replication_factor >= 3 else 1
    kept = (
        {"cleanup.policy": "compact", "segment.bytes": str(_COMPACTED_SEGMENT)}
        if topic.compacted
        else {
            "cleanup.policy": "delete",
            "retention.ms": "-1" if topic.kept == FOR_GOOD else str(topic.kept),
        }
    )
    if FOR_GOOD != topic.kept < _SEGMENT:
        # Only segments that are closed are deleted, by default after seven days.
        kept["segment.ms"] = str(topic.kept)
    # What is kept so long is kept from its arrival: an event of last year, sent today, would
    # otherwise be dropped at once, and one dated tomorrow be refused.
    return {
        **kept,
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(replicas_in_sync),
    }


@contextmanager
def admin(installation: Installation) -> Iterator[Any]:
    """A kafka-python admin client of the installation's broker, closed at the end."""
    try:
        client = blocking_admin(installation)
    except KafkaError as error:
        raise ExpectedError(
            f"no Kafka broker answers at {installation.bootstrap_servers}; "
            f"is it running, and is REFTRAIL_BOOTSTRAP_SERVERS right? ({error!r})"
        ) from error
    try:
        yield client
    finally:
        client.close()


def _partition_counts(client: Any, installation: Installation) -> dict[str, int]:
    """Partitions of those topics that exist, by their names on the broker."""
    existing = _existing(client, installation)
    if not existing:
        return {}
    return {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics(existing)}


def _existing(client: Any, installation: Installation) -> list[str]:
    ours = {installation.name_of(topic) for topic in TOPICS}
    return sorted(ours.intersection(client.list_topics()))


def _check_counts(found: dict[str, int], partitions: int) -> None:
    others = [f"{name} has {count}" for name, count in found.items() if count != partitions]
    if others:
        raise ExpectedError(
            f"{partitions} partitions were asked for, but {', '.join(others)}; start with the "
            f"number that is there, or on a new data directory or topic prefix"
        )


def _create(client: Any, topics: dict[str, dict[str, Any]]) -> None:
    """Make topics and wait until they can be used; one made by somebody else meanwhile is fine."""
    if not topics:
        return
    answer = client.create_topics(topics, raise_errors=False)
    _raise_failures(answer["topics"])
    client.wait_for_topics(list(topics), timeout_ms=30_000)


def _raise_failures(answers: Iterable[dict[str, Any]]) -> None:
    for topic in answers:
        code = topic["error_code"]
        if code not in (0, TopicAlreadyExistsError.errno):
            raise ExpectedError(
                f"the broker refused to create topic {topic['name']}: "
                f"{topic.get('error_message') or for_code(code).__name__}"
            )


def main() -> None:
    """Create the topics of the installation that the REFTRAIL_* variables name."""
    parser = ArgumentParser(prog="python -m reftrail.local.topics", description=main.__doc__)
    parser.add_argument(
        "partitions", type=int, help="of each topic; no more workers can share them"
    )
    parser.add_argument("--replication-factor", type=int, default=1)
    given = parser.parse_args()
    try:
        create_topics(Installation(), given.partitions, given.replication_factor)
    except ExpectedError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()

"""Kafka clients of fulfilment: producer, consumer, and the description of its topics."""

from typing import Final

from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import FULFILMENTS, REWARD_GRANTED
from reftrail.hosting.kafka.blocking import (
    BlockingConsumer,
    BlockingProducer,
    blocking_admin,
    blocking_consumer,
    blocking_producer,
)

TRANSACTION_SECONDS: Final = 10
"""The longest time of a transaction; what a killed process left open holds others up so long."""

_CHUNK: Final = 500


def transactional_producer(installation: Installation, writer: str) -> BlockingProducer:
    """A producer whose transactions fence its writer's former ones."""
    return blocking_producer(
        installation,
        transactional_id=f"{installation.topic_prefix}{writer}",
        transaction_timeout_ms=TRANSACTION_SECONDS * 1_000,
        retry_backoff_ms=20,
        max_block_ms=10_000,
        max_request_size=8 << 20,
        allow_auto_create_topics=False,
    )


def orders_consumer(
    installation: Installation, group: str | None, member: str | None = None
) -> BlockingConsumer:
    """A consumer that reads what is committed, as a member of the group if one is given."""
    return blocking_consumer(
        installation,
        group_id=group,
        group_instance_id=member,
        auto_offset_reset="earliest",
        max_poll_records=_CHUNK,
        fetch_max_wait_ms=200,
        request_timeout_ms=15_000,
        session_timeout_ms=10_000,
        partition_assignment_strategy=[StickyPartitionAssignor],
        allow_auto_create_topics=False,
    )


def describe_topics_of(installation: Installation) -> tuple[str, dict[Topic, int]]:
    """The identity of the topics, and the number of partitions of each.

    Raises `KafkaError`, or `ExpectedError` if the topics aren't there.
    """
    names = {installation.name_of(topic): topic for topic in (REWARD_GRANTED, FULFILMENTS)}
    admin = blocking_admin(installation, bootstrap_timeout_ms=5_000)
    try:
        described = [
            topic for topic in admin.describe_topics(list(names)) if not topic["error_code"]
        ]
    finally:
        admin.close()
    found = {names[topic["name"]]: topic for topic in described}
    if missing := [name for name, topic in names.items() if topic not in found]:
        raise ExpectedError(
            f"{installation.bootstrap_servers} has no topics {', '.join(missing)}; create the "
            f"installation's topics, or set REFTRAIL_TOPIC_PREFIX to the prefix of those it has"
        )
    identity = "/".join(str(found[topic]["topic_id"]) for topic in (REWARD_GRANTED, FULFILMENTS))
    return identity, {topic: len(description["partitions"]) for topic, description in found.items()}

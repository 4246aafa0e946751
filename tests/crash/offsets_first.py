"""A worker with a fault put in: it commits positions before the rewards that it decided.

Killed in between, once, by its own hand: those rewards are lost for good, and with them all that
was decided on their partition in the same transaction.
"""

from collections.abc import Mapping, Sequence
from unittest import mock

from aiokafka import TopicPartition

from crash.fault_injection import die_once
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import REWARDS
from reftrail.engine import assignment
from reftrail.engine.outcome import Message
from reftrail.engine.transaction import TransactionalWriter
from reftrail.engine.worker import main
from reftrail.hosting.kafka.log_bounds import Position


class OffsetsFirstWriter(TransactionalWriter):
    """Two transactions for a turn with rewards, where there should be one."""

    async def commit(
        self,
        messages: Mapping[tuple[Topic, int], Sequence[Message]],
        positions: Mapping[TopicPartition, Position],
        group_offsets: Mapping[TopicPartition, int],
    ) -> dict[tuple[Topic, int], int]:
        if any(topic is REWARDS for topic, _ in messages):
            await super().commit({}, positions, {})
            die_once()
        return await super().commit(messages, positions, group_offsets)


if __name__ == "__main__":
    with mock.patch.object(assignment, "TransactionalWriter", OffsetsFirstWriter):
        main()

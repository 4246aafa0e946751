"""A worker with a fault put in: its reward stage commits positions before what it concluded.

Killed in between, once, by its own hand: those rewards are lost for good.
"""

from collections.abc import Mapping, Sequence
from unittest import mock

from crash.dying import die_once
from reftrail.contracts.topics import REWARDS, Topic
from reftrail.engine import assignment
from reftrail.engine.batch import Message
from reftrail.engine.transaction import TransactionalWriter
from reftrail.engine.worker import main


class OffsetsFirstWriter(TransactionalWriter):
    """Two transactions for rewards, where there should be one."""

    async def commit(
        self, messages: Mapping[tuple[Topic, int], Sequence[Message]], position: int
    ) -> None:
        if any(topic is REWARDS for topic, _ in messages):
            await super().commit({}, position)
            die_once()
        await super().commit(messages, position)


if __name__ == "__main__":
    with mock.patch.object(assignment, "TransactionalWriter", OffsetsFirstWriter):
        main()

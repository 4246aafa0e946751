"""A worker with a fault put in: its reward stage commits positions before what it concluded.

Killed in between, once, by its own hand: those rewards are lost for good.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from unittest import mock

from reftrail.contracts.topics import REWARDS, Topic
from reftrail.engine import assignment
from reftrail.engine.batch import Message
from reftrail.engine.transaction import TransactionalWriter
from reftrail.engine.worker import main

DIED: Final = "CRASH_DIED"
"""The variable that names a file, which is there once the process has killed itself."""


def die_once() -> None:
    """Kill -9 for this process, unless an earlier one has done so."""
    died = Path(os.environ[DIED])
    if not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)


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

"""Chunks that one stage of a partition has been given and not yet decided, and its position."""

from aiokafka import TopicPartition

from reftrail.contracts.errors import ExpectedError
from reftrail.engine.chunks import Chunk, join
from reftrail.hosting.kafka.log_bounds import Position


class LostRecordsError(ExpectedError):
    """The log no longer has what was to be read next."""


class InputBuffer:
    """Chunks of one source in the order of its log, each record of them taken up once.

    position is how far they were taken up. waiting is how many records have not been taken
    yet.
    """

    def __init__(self, source: TopicPartition, position: Position) -> None:
        self.source = source
        self.position = position
        self.waiting = 0
        self._chunks: list[Chunk] = []

    def put(self, chunk: Chunk) -> None:
        """Let a chunk wait."""
        self._chunks.append(chunk)
        self.waiting += len(chunk.values)

    def take(self) -> Chunk | None:
        """All that waits as one chunk; None if nothing does.

        The position moves to its end. Raises `LostRecordsError` if it doesn't begin at the
        position: reading began there, so the log was changed meanwhile.
        """
        for chunk in self._chunks:
            due = self.position.offset
            if chunk.begin != due:
                raise LostRecordsError(
                    f"{self.source.topic}/{self.source.partition} goes on at {chunk.begin}, but "
                    f"what was to be read next is {due}: the topic was emptied, made "
                    "again or cut short, or its retention is too short for how far this worker is "
                    "behind. It says more, and what can be done, when it is started again"
                )
            self.position = Position(chunk.end, chunk.last or self.position.last)
        taken, self._chunks, self.waiting = self._chunks, [], 0
        return join(taken) if taken else None

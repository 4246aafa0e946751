"""What one stage of a lane has been handed and not yet taken up, and how far it has got."""

from aiokafka import TopicPartition

from reftrail.engine.chunks import Chunk, join


class LostRecordsError(RuntimeError):
    """The log no longer has what the group was to read next, or the positions don't join."""


class Intake:
    """Chunks of one source in the order of its log, each record of them taken up once.

    position is where the next record is expected; None if the group never committed one, until
    something is taken. waiting is how many records have not been taken yet.
    """

    def __init__(self, source: TopicPartition, position: int | None) -> None:
        self.source = source
        self.position = position
        self.waiting = 0
        self._chunks: list[Chunk] = []

    def put(self, chunk: Chunk) -> None:
        """Let a chunk wait."""
        self._chunks.append(chunk)
        self.waiting += len(chunk.values)

    def take(self) -> Chunk | None:
        """All that waits as one chunk, without what was taken before; None if nothing is left.

        The position moves to its end. Raises `LostRecordsError` if records before it are missing.
        """
        position, expected = self.position, []
        for chunk in self._chunks:
            if position is not None and chunk.begin > position:
                raise LostRecordsError(
                    f"{self.source.topic}[{self.source.partition}] goes on at {chunk.begin}, but "
                    f"the records from {position} were never processed. Were they deleted by the "
                    "topic's retention? Set the group's offset by hand to accept the loss."
                )
            if position is None or chunk.end > position:
                expected.append(chunk if position is None else chunk.after(position))
                position = chunk.end
        self._chunks, self.waiting, self.position = [], 0, position
        return join(expected) if expected else None

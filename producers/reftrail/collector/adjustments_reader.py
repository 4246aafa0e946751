"""Reader of the topic `adjustments`: which ids it has."""

from collections.abc import Callable

from reftrail.adjustments import KnownAdjustments
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Record
from reftrail.contracts.topics import ADJUSTMENTS
from reftrail.edge.http_errors import Unavailable
from reftrail.hosting.kafka.compacted_topic_reader import (
    CompactedTopicReader,
    TopicTable,
    TopicUnavailable,
)


class AdjustmentsReader:
    """`KnownAdjustments`, kept up with their topic. `run` keeps it connected."""

    def __init__(self, installation: Installation, on_undecodable: Callable[[], None]) -> None:
        self.known = KnownAdjustments()
        self._reader = CompactedTopicReader(
            installation,
            {
                installation.name_of(ADJUSTMENTS): TopicTable(
                    Record, self.known.take, lambda _: None
                )
            },
            on_progress=lambda: None,
            on_undecodable=on_undecodable,
        )
        self.run = self._reader.run

    async def refresh(self, patience: float) -> None:
        """Read the topic to its end. Raises `Unavailable` after so many seconds."""
        try:
            await self._reader.refresh(patience)
        except TopicUnavailable as error:
            raise Unavailable(f"the topic of adjustments {error}") from error

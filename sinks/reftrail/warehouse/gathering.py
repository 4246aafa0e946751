"""Messages that gather until they are enough for a load."""

import time
from dataclasses import dataclass, field

from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.engine.chunks import join
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.loader import Work, works


@dataclass(slots=True)
class Gathering:
    """Messages on their way into the next batch. since is when the first one came in, monotonic."""

    rows: int = 0
    size: int = 0
    since: float = 0.0
    _parts: dict[Topic, dict[int, list[Part]]] = field(default_factory=dict)

    def add(self, found: dict[Topic, list[Part]]) -> None:
        """More messages, which follow those before."""
        if found and not self._parts:
            self.since = time.monotonic()
        for topic, parts in found.items():
            for part in parts:
                self._parts.setdefault(topic, {}).setdefault(part.partition, []).append(part)
                self.rows += len(part.chunk.values)
                self.size += sum(len(value) for value in part.chunk.values if value is not None)

    def is_full(self, rows: int, size: int) -> bool:
        """Whether it has so many messages, or so many bytes of them."""
        return self.rows >= rows or self.size >= size

    def take(self) -> list[Work]:
        """Take all messages as a batch; topics in the order of the topic table."""
        found = {
            topic: [
                Part(number, join([part.chunk for part in parts]))
                for number, parts in self._parts[topic].items()
            ]
            for topic in PUBLIC_TOPICS
            if topic in self._parts
        }
        self._parts, self.rows, self.size = {}, 0, 0
        return works(found)

    def __bool__(self) -> bool:
        return bool(self._parts)

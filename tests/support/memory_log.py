"""The log of a host in memory, read by the same code as Kafka's."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from reftrail.contracts.codec import encode
from reftrail.contracts.record import Millis
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import TOPICS
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Logged
from reftrail.reports.explain.log import Log, RawMessage


class MemoryLog(Log):
    """The messages that a host wrote, as bytes; parts of them may be changed or forgotten."""

    def __init__(self, host: MemoryHost) -> None:
        self._partitions = host.partitions
        self._begins: dict[str, int] = {}
        self._logged: dict[str, list[Logged]] = {topic.name: host.logged(topic) for topic in TOPICS}
        self.reads = 0
        """The number of times that a partition was read from some place on."""
        self.read = 0
        """The number of messages read by that."""

    def change(self, topic: Topic, which: Callable[[Any], bool], **fields: object) -> None:
        """Give the records of a topic other fields."""
        logged = self._logged[topic.name]
        chosen = [n for n, at in enumerate(logged) if which(at.record)]
        assert chosen, "nothing was changed"
        for n in chosen:
            at = logged[n]
            logged[n] = replace(at, record=msgspec.structs.replace(at.record, **fields))

    def lose(self, topic: Topic, which: Callable[[Any], bool]) -> None:
        """Without some records of a topic, as if a stage had never written them."""
        left = [at for at in self._logged[topic.name] if not which(at.record)]
        assert len(left) < len(self._logged[topic.name]), "nothing was taken away"
        self._logged[topic.name] = left

    def forget(self, topic: Topic, before: int) -> None:
        """Remove the messages before an offset from all partitions, as retention does."""
        self._begins[topic.name] = before

    def partitions(self, topic: Topic) -> int:
        return self._partitions

    def _offset_at(self, topic: Topic, partition: int, time: Millis) -> int | None:
        """Records were written when they were received."""
        logged = (at for at in self._logged[topic.name] if at.partition == partition)
        return next((at.offset for at in logged if at.record.received_at >= time), None)

    def _beginning(self, topic: Topic, partition: int) -> int:
        return self._begins.get(topic.name, 0)

    def _from(self, topic: Topic, partition: int, offset: int) -> Iterator[RawMessage]:
        self.reads += 1
        for at in self._logged[topic.name]:
            if at.partition == partition and at.offset >= offset:
                self.read += 1
                assert at.timestamp is not None
                yield RawMessage(at.offset, at.timestamp, encode(at.record))

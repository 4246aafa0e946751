"""Changes to Faust's transport for chunks."""

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from reftrail.engine.transport import ChunkConsumer


def test_a_partition_is_watched_for_being_stuck_once_its_state_is_here() -> None:
    serving, restoring = TP("events", 0), TP("events", 1)
    watched: list[TP] = []
    consumer: Any = object.__new__(ChunkConsumer)
    consumer.serving = frozenset({serving})
    consumer._thread = SimpleNamespace(verify_event_path=lambda _, at: watched.append(at))
    for partition in (serving, restoring):
        consumer.verify_event_path(1.0, partition)
    assert watched == [serving]

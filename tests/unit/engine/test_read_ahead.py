"""Large chunks are read ahead by the prefilter, in another thread than that of the decisions."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.input_buffer import InputBuffer
from reftrail.engine.live_reference import LiveReference
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.outcome import Outcome
from reftrail.engine.partition_runner import StageRunner
from reftrail.engine.prefilter import Prefilter, TouchPrefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import TOPOLOGY
from reftrail.hosting.kafka.log_bounds import Position

T0 = 1_790_000_000_000
MANY = 2_500


class WatchedPrefilter(TouchPrefilter):
    """Notes by which threads it was asked to read ahead; fails there if it is to."""

    def __init__(self, failure: BaseException | None = None) -> None:
        super().__init__()
        self.failure = failure
        self.threads: list[int] = []

    def read_ahead(self, values: Sequence[bytes | None]) -> Prefilter:
        self.threads.append(threading.get_ident())
        if self.failure is not None:
            raise self.failure
        return super().read_ahead(values)


def _chunk(count: int) -> Chunk:
    common: dict[str, Any] = {"event_time": T0, "received_at": T0, "code": "AMY"}
    values: list[bytes | None] = [
        encode(Click(event_id=f"e{n}", visitor_id=f"v{n % 100}", **common)) for n in range(count)
    ]
    return Chunk(0, count, list(range(count)), [T0] * count, [b"key"] * count, values)


def _decide(chunk: Chunk, prefilter: Prefilter | None) -> Outcome:
    runner = StageRunner(
        StageOfPartition(TOPOLOGY[0], 0, 1),
        InputBuffer(TopicPartition("events", 0), Position(0)),
        StateStore(TOPOLOGY[0]),
        LiveReference(ReferenceTables(), ()),
        prefilter,
        WorkerMetrics().stage("touch"),
        None,
    )
    return asyncio.run(runner.decide(chunk))


def test_a_large_chunk_is_read_by_another_thread() -> None:
    prefilter = WatchedPrefilter()
    outcome = _decide(_chunk(MANY), prefilter)
    assert outcome.messages == _decide(_chunk(MANY), None).messages
    assert len(prefilter.threads) == 1
    assert threading.get_ident() not in prefilter.threads


def test_a_small_chunk_is_read_where_it_is_decided() -> None:
    prefilter = WatchedPrefilter()
    assert _decide(_chunk(100), prefilter).messages == _decide(_chunk(100), None).messages
    assert not prefilter.threads


def test_a_message_that_cannot_be_read_ahead_is_found_by_deciding() -> None:
    chunk = _chunk(MANY)
    chunk.values[7] = b"no event"
    outcome = _decide(chunk, WatchedPrefilter(RuntimeError("some message leads to this")))
    assert outcome.messages == _decide(chunk, None).messages
    assert outcome.dead


def test_a_fault_of_the_worker_ends_it() -> None:
    with pytest.raises(MemoryError):
        _decide(_chunk(MANY), WatchedPrefilter(MemoryError()))

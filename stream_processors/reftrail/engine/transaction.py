"""One Kafka transaction for each turn: outputs, changed state and the positions in the input."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topic import Topic
from reftrail.engine.outcome import Message
from reftrail.engine.positions import position_message
from reftrail.engine.settings import WorkerSettings
from reftrail.hosting.kafka.asynchronous import AsyncProducer, async_producer
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.hosting.kafka.take_overs import is_fenced

_BATCH_BYTES: Final = 512 << 10
_TIMEOUT_MS: Final = 30_000
_RETRY_SECONDS: Final = 0.005
"""The broker answers a new transaction with a retriable error while it completes the one before;
the client's default of 100 ms would add to the latency of every batch."""
_PATIENT_AFTER: Final = 2.0
_PATIENT_RETRY_SECONDS: Final = 1.0


class FencedError(ExpectedError):
    """Another worker owns by now what this one writes for."""


async def explained(producer: AsyncProducer, error: Exception, what: str) -> Exception:
    """The error of a transactional producer; a `FencedError` if another one has taken over."""
    if not await is_fenced(producer, error):
        return error
    return FencedError(
        f"{what} has another owner by now: this worker didn't answer Kafka for longer than its "
        f"session or a transaction may last (it was stopped, its machine slept or had too much to "
        f"do). What it had under way doesn't count, the other owner decides it; start this worker "
        f"again"
    )


class TransactionalWriter:
    """The producer for all stages on one partition.

    Its transactional id is the same in every worker of an installation, whatever group it is in:
    starting it fences a former owner and finishes what that one left open, so it must be started
    before state and positions are read. positions_in says which changelog has the position in each
    topic that is read.
    """

    def __init__(
        self, settings: WorkerSettings, partition: int, positions_in: Mapping[Topic, Topic]
    ) -> None:
        self._settings = settings
        self._partition = partition
        self._positions_in = {
            settings.name_of(source): (source, changelog)
            for source, changelog in positions_in.items()
        }
        self._producer = async_producer(
            settings,
            transactional_id=f"{settings.topic_prefix}worker-{partition}",
            max_batch_size=_BATCH_BYTES,
            transaction_timeout_ms=_TIMEOUT_MS,
            retry_backoff_ms=round(_RETRY_SECONDS * 1000),
        )

    async def start(self) -> None:
        """Connect and take over from the former writer under this transactional id."""
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def commit(
        self,
        messages: Mapping[tuple[Topic, int], Sequence[Message]],
        positions: Mapping[TopicPartition, Position],
        group_offsets: Mapping[TopicPartition, int],
    ) -> dict[tuple[Topic, int], int]:
        """Write the messages, the positions in the changelogs, and the group's, all or nothing.

        group_offsets are for tools that show lag; without any, two requests fewer are made.

        Raises `FencedError` if another worker has taken the partition over.
        Returns the position after the last message that was written to each partition. Raises what
        the client raises; then nothing of it will ever be seen by readers of committed data, unless
        the commit itself was under way: the next owner finds out.
        """
        try:
            with self._patience():
                return await self._commit(messages, positions, group_offsets)
        except Exception as error:
            raise await explained(self._producer, error, f"partition {self._partition}") from error

    async def _commit(
        self,
        messages: Mapping[tuple[Topic, int], Sequence[Message]],
        positions: Mapping[TopicPartition, Position],
        group_offsets: Mapping[TopicPartition, int],
    ) -> dict[tuple[Topic, int], int]:
        producer = self._producer
        await producer.begin_transaction()
        sent = [
            await self._send(topic, partition, batch)
            for (topic, partition), all_messages in self._with(positions, messages).items()
            for batch in self._batches(all_messages)
        ]
        if group_offsets:
            await producer.send_offsets_to_transaction(group_offsets, self._settings.group)
        ends: dict[tuple[Topic, int], int] = {}
        for batch in sent:
            end = (await batch.acknowledgement).offset + batch.count
            ends[batch.topic, batch.partition] = max(
                end, ends.get((batch.topic, batch.partition), 0)
            )
        await producer.commit_transaction()
        return ends

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Retry less often once this takes long: for lack of a broker, not of a moment."""
        loop = asyncio.get_running_loop()
        later = loop.call_later(_PATIENT_AFTER, self._retry_every, _PATIENT_RETRY_SECONDS)
        try:
            yield
        finally:
            later.cancel()
            self._retry_every(_RETRY_SECONDS)

    def _retry_every(self, seconds: float) -> None:
        # The client has no public way, and one time for both cases.
        self._producer.client._retry_backoff = seconds  # noqa: SLF001
        self._producer._sender._retry_backoff = seconds  # noqa: SLF001

    def _with(
        self,
        positions: Mapping[TopicPartition, Position],
        messages: Mapping[tuple[Topic, int], Sequence[Message]],
    ) -> Mapping[tuple[Topic, int], Sequence[Message]]:
        kept: dict[tuple[Topic, int], list[Message]] = defaultdict(list)
        for at, position in positions.items():
            if at.topic in self._positions_in:
                source, changelog = self._positions_in[at.topic]
                kept[changelog, self._partition].append(position_message(source, position))
        return {
            **messages,
            **{place: [*messages.get(place, ()), *added] for place, added in kept.items()},
        }

    def _batches(self, messages: Sequence[Message]) -> list[Any]:
        builders = [self._producer.create_batch()]
        for key, value in messages:
            if builders[-1].append(timestamp=None, key=key, value=value) is None:
                builders.append(self._producer.create_batch())
                if builders[-1].append(timestamp=None, key=key, value=value) is None:
                    raise ValueError(
                        f"a record of {len(value or b'')} bytes does not fit into a batch of "
                        f"{_BATCH_BYTES} bytes"
                    )
        return builders

    async def _send(self, topic: Topic, partition: int, batch: Any) -> "_SentBatch":
        count = batch.record_count()
        acknowledgement = await self._producer.send_batch(
            batch, self._settings.name_of(topic), partition=partition
        )
        return _SentBatch(topic, partition, count, acknowledgement)


@dataclass(frozen=True, slots=True)
class _SentBatch:
    """A batch on its way; the acknowledgement says where it begins in the log."""

    topic: Topic
    partition: int
    count: int
    acknowledgement: asyncio.Future[Any]

"""Faust's Kafka transport, handing over chunks instead of single messages.

Faust's work per message is what costs (`Consumer._drain_messages` waits on two futures for each),
so what it sees as one message is a chunk of thousands.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from reftrail.engine.assignor import WarmAssignor
from reftrail.engine.chunks import Chunk, take_chunks
from reftrail.engine.shares import Member
from reftrail.hosting.kafka.asynchronous import AsyncConsumer, async_consumer
from reftrail.hosting.kafka.security import connection

_REBALANCE_SECONDS: Final = 60.0
"""The time for which the group waits for live members to finish their work."""
_IDLE_SECONDS: Final = 0.1


class ChunkSchema(faust.Schema[Any, Any]):
    """Hands keys and values through undecoded."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        """No key: a chunk has many."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        """The chunk."""
        return message.value


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> AsyncConsumer:  # noqa: ARG002
        conf = self.app.conf
        self._assignor = cast("ChunkConsumer", self.consumer).assignor
        return async_consumer(
            cast("Any", self.app).installation,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            auto_offset_reset="earliest",
            max_poll_records=None,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=500,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(max(conf.broker_session_timeout, _REBALANCE_SECONDS) * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
        )

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109
        max_records: int | None = None,  # noqa: ARG002
    ) -> Mapping[TP, list[Chunk]]:
        consumer_of_app = cast("ChunkConsumer", self.consumer)
        serving = active_partitions & consumer_of_app.serving
        if not serving:
            # Polled all the same, or the client would leave the group after some minutes.
            await take_chunks(consumer, (), 0, 1, may_take=lambda: False)
            await asyncio.sleep(_IDLE_SECONDS)
            return {}
        found: Mapping[TP, list[Chunk]] = await take_chunks(
            consumer,
            serving,
            timeout or 0,
            cast("Any", self.app).chunk_records,
            may_take=consumer_of_app.may_take,
        )
        return found

    async def resume(self, positions: Mapping[TP, int]) -> None:
        """Fetch paused partitions from these positions on."""
        await self.call_thread(self._resume, positions)

    async def _resume(self, positions: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for partition, position in positions.items():
            consumer.seek(partition, position)
        consumer.resume(*positions)
        cast("ChunkConsumer", self.consumer).serving |= {
            TP(partition.topic, partition.partition) for partition in positions
        }

    async def rejoin(self) -> None:
        """Have the group's partitions shared out again."""
        await self.call_thread(self._rejoin)

    async def _rejoin(self) -> None:
        # The client has no public way.
        self._ensure_consumer()._coordinator.request_rejoin()  # noqa: SLF001


class _PausingListener(driver.ConsumerRebalanceListener):
    """Pauses what is assigned until its state is here. Called in the consumer's thread."""

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        thread: Any = self._thread
        thread.consumer.serving = frozenset()
        thread._ensure_consumer().pause(*assigned)  # noqa: SLF001
        await super().on_partitions_assigned(assigned)


class ChunkConsumer(driver.Consumer):
    """Yields one Faust message for each chunk; never commits: the stages do, in transactions."""

    RebalanceListener = _PausingListener

    _taken_in = -1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.serving: frozenset[TP] = frozenset()
        super().__init__(*args, **kwargs)
        app = cast("Any", self.app)
        self.assignor = WarmAssignor(app.installation.standbys)
        self.assignor.offered = app.work.offered()

    async def resume(self, positions: Mapping[Any, int]) -> None:
        """Fetch from these positions on, in partitions that have been paused since assigned."""
        await self._chunk_thread.resume(positions)

    def offer(self, offered: Member) -> None:
        """Note what this worker offers when partitions are shared out next."""
        self.assignor.offered = offered

    async def rejoin(self) -> None:
        """Ask to have the partitions shared out again, by what is offered now."""
        await self._chunk_thread.rejoin()

    @property
    def _chunk_thread(self) -> _ConsumerThread:
        return cast("_ConsumerThread", self._thread)

    async def perform_seek(self) -> None:
        """None: each partition goes on from its own positions, once its state is here."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Report a partition from which nothing comes, but not while its state is being read."""
        if tp in self.serving:
            super().verify_event_path(now, tp)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:  # noqa: ASYNC109
        if not self.flow_active:
            await self.wait_first(self.can_resume_flow.wait())
        active = self._get_active_partitions()
        return await self._getmany(active_partitions=active, timeout=timeout), active

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def may_take(self) -> bool:
        """Whether fetched records may be taken now; notes for which generation they are.

        Not while the flow is stopped: taking would move the positions on, and getmany would have to
        throw away what nobody fetches again. What was taken before a rebalance is thrown away and
        fetched again, from the positions where the partitions then go on.
        """
        self._taken_in = self.app.consumer_generation_id
        return bool(self.flow_active)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        """The fetched messages, one for each chunk, its value the chunk."""
        found, active = await self._wait_next_records(timeout)
        generation = self._taken_in
        for partition, chunks in (found or {}).items():
            for chunk in chunks:
                if not self.flow_active or generation != self.app.consumer_generation_id:
                    return
                if active is None or partition in active:
                    yield partition, self._message_of(partition, chunk)
                    self._read_offset[partition] = None

    def _message_of(self, partition: TP, chunk: Chunk) -> ConsumerMessage:
        value: Any = chunk
        return ConsumerMessage(
            topic=partition.topic,
            partition=partition.partition,
            offset=chunk.begin,
            timestamp=0.0,
            timestamp_type=0,
            headers=None,
            key=None,
            value=value,
            checksum=None,
            tp=partition,
            generation_id=self.app.consumer_generation_id,
        )

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        """Nothing: offsets go with the transaction of what was decided from the messages."""
        return True


class _Producer(driver.Producer):
    """Faust's own producer, which it connects with though the worker sends nothing through it."""

    def _settings_auth(self) -> Mapping[str, Any]:
        settings = connection(cast("Any", self.app).installation)
        return {name: value for name, value in settings.items() if name != "bootstrap_servers"}


class ChunkTransport(driver.Transport):
    """The transport whose consumer hands over chunks."""

    Consumer = ChunkConsumer
    Producer = _Producer

"""Faust's Kafka transport, handing over chunks instead of single messages.

Faust's work per message is what costs (`Consumer._drain_messages` waits on two futures for each),
so what it sees as one message is a chunk of thousands.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from reftrail.engine.chunks import Chunk, take_chunks


class ChunkSchema(faust.Schema[Any, Any]):
    """Hands keys and values through undecoded."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        """No key: a chunk has many."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        """The chunk."""
        return message.value


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = RangePartitionAssignor  # the same partitions of every topic: a lane each
        return AIOKafkaConsumer(
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=None,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=500,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
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
        found: Mapping[TP, list[Chunk]] = await take_chunks(
            consumer,
            active_partitions,
            timeout or 0,
            cast("Any", self.app).chunk_records,
            may_take=consumer_of_app.may_take,
        )
        return found


class ChunkConsumer(driver.Consumer):
    """Yields one Faust message for each chunk; never commits: the stages do, in transactions."""

    _taken_in = -1

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def may_take(self) -> bool:
        """Whether fetched records may be taken now; notes for which generation they are.

        Not while the flow is stopped: between the seek to the committed positions and the flow's
        resumption, taking would move the positions on, and getmany would have to throw away what
        nobody fetches again. What was taken before a rebalance is thrown away and fetched again,
        by that seek.
        """
        self._taken_in = self.app.consumer_generation_id
        return bool(self.flow_active)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        """What was fetched, a message for each chunk, its value the chunk."""
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
        """Nothing: offsets go with the transaction of what was concluded from the messages."""
        return True


class ChunkTransport(driver.Transport):
    """The transport whose consumer hands over chunks."""

    Consumer = ChunkConsumer

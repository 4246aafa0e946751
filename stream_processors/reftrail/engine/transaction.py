"""One Kafka transaction for each turn: outputs, changed state and the positions in the input."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition

from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import Topic
from reftrail.engine.batch import Message

_BATCH_BYTES: Final = 512 << 10
_TIMEOUT_MS: Final = 30_000


class TransactionalWriter:
    """The producer for all stages on one partition.

    Its transactional id is the same in every worker: starting it fences a former owner and
    finishes what that one left open, so it must be started before state and position are read.
    """

    def __init__(self, installation: Installation, group: str, partition: int) -> None:
        self._installation = installation
        self._group = group
        self._producer = AIOKafkaProducer(
            bootstrap_servers=installation.bootstrap_servers,
            transactional_id=f"{group}-{partition}",
            acks="all",
            max_batch_size=_BATCH_BYTES,
            transaction_timeout_ms=_TIMEOUT_MS,
            # The broker answers a new transaction with a retriable error while it completes the
            # one before; the client's default of 100 ms would add to the latency of every batch.
            retry_backoff_ms=5,
        )

    async def start(self) -> None:
        """Connect and take over from whoever wrote under this transactional id before."""
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def commit(
        self,
        messages: Mapping[tuple[Topic, int], Sequence[Message]],
        positions: Mapping[TopicPartition, int],
    ) -> None:
        """Write the messages and move the group's positions, all or nothing.

        Raises what the client raises; then nothing of it will ever be seen by readers of
        committed data, unless the commit itself was under way: the next owner finds out.
        """
        producer = self._producer
        await producer.begin_transaction()
        sent = [
            await self._send(topic, partition, batch)
            for (topic, partition), all_messages in messages.items()
            for batch in self._batches(all_messages)
        ]
        await producer.send_offsets_to_transaction(dict(positions), self._group)
        await asyncio.gather(*sent)
        await producer.commit_transaction()

    def _batches(self, messages: Sequence[Message]) -> list["_Builder"]:
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

    async def _send(self, topic: Topic, partition: int, batch: "_Builder") -> "_Acknowledgement":
        acknowledgement: _Acknowledgement = await self._producer.send_batch(
            batch, self._installation.name_of(topic), partition=partition
        )
        return acknowledgement


_Builder = object
_Acknowledgement = asyncio.Future[object]

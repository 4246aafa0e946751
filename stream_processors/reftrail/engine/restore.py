"""Bringing a stage's state up to what is committed in its changelog."""

from collections.abc import Mapping

from aiokafka import TopicPartition

from reftrail.engine.chunks import ChunkReader
from reftrail.engine.state import StateStore


async def restore(bootstrap_servers: str, stores: Mapping[TopicPartition, StateStore]) -> int:
    """Read into each store what its changelog partition holds beyond what the store has.

    Returns the number of messages read. The partitions' former writers must be fenced by now:
    the end that is read up to is the end of what is committed.
    """
    if not stores:
        return 0
    reader = ChunkReader(bootstrap_servers)
    await reader.start({partition: store.restored_to for partition, store in stores.items()})
    try:
        return await _read_all(reader, stores)
    finally:
        await reader.stop()


async def _read_all(reader: ChunkReader, stores: Mapping[TopicPartition, StateStore]) -> int:
    count = 0
    waiting = dict(await reader.ends())
    for partition in list(waiting):
        position = await reader.position(partition)
        stores[partition].restored_to = position
        if position >= waiting[partition]:
            del waiting[partition]
    while waiting:
        for partition, chunks in (await reader.read(timeout_seconds=1.0)).items():
            store = stores[partition]
            for chunk in chunks:
                for key, value in zip(chunk.keys, chunk.values, strict=True):
                    store.restore(key, value)
                count += len(chunk.keys)
                store.restored_to = chunk.end
                if chunk.end >= waiting.get(partition, 0):
                    waiting.pop(partition, None)
    return count

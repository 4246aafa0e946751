"""Private parts of the Kafka consumer by which whole chunks of a response are read."""

import itertools

import pytest
from aiokafka.errors import ConsumerStoppedError

from clients.responses import AT, LOG, a_response, fetched, started_consumer
from reftrail.engine import chunks


async def test_chunks_are_what_the_client_unpacks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [
        (message.offset, message.timestamp, message.key, message.value) for message in a_response()
    ]
    assert [offset for offset, *_ in expected] == [0, 1, 2, 8, 9, 10, 11, 12, 14, 15]
    async with started_consumer(monkeypatch, isolation_level="read_committed") as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        fetched(consumer, a_response())
        found: list[chunks.Chunk] = []
        while taken := await chunks.take_chunks(consumer, [AT], 0, max_records=4):
            found += taken[AT]
        assert await consumer.position(AT) == 16
    assert [
        parts
        for chunk in found
        for parts in zip(chunk.offsets, chunk.timestamps, chunk.keys, chunk.values, strict=True)
    ] == expected
    assert (found[0].begin, found[-1].end) == (0, 16)
    assert all(chunk.end == other.begin for chunk, other in itertools.pairwise(found))


async def test_a_response_is_read_from_within_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch, isolation_level="read_committed") as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 10)
        fetched(consumer, a_response(fetch_offset=10))
        taken = await chunks.take_chunks(consumer, [AT], 0, max_records=100)
    assert taken[AT][0].offsets == [10, 11, 12, 14, 15]


async def test_nothing_is_taken_while_it_may_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch, isolation_level="read_committed") as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        fetched(consumer, a_response())
        assert await chunks.take_chunks(consumer, [AT], 0, 100, may_take=lambda: False) == {}
        assert (await chunks.take_chunks(consumer, [AT], 0, 100))[AT][0].begin == 0


async def test_one_can_wait_for_a_response(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch) as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        assert await chunks.take_chunks(consumer, [AT], 0.01, 100) == {}


async def test_a_damaged_batch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = bytearray(LOG)
    damaged[70] ^= 0xFF
    async with started_consumer(monkeypatch) as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        fetched(consumer, a_response(bytes(damaged)))
        with pytest.raises(Exception, match="checksum"):
            await chunks.take_chunks(consumer, [AT], 0, 100)


async def test_a_closed_consumer_gives_no_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch) as consumer:
        pass
    with pytest.raises(ConsumerStoppedError):
        await chunks.take_chunks(consumer, [AT], 0, 100)

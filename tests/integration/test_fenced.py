"""A worker that was away for so long that another one took its partition over."""

import asyncio

import pytest
from aiokafka import TopicPartition
from support.kafka import TestInstallation
from support.log import read_committed

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click
from reftrail.contracts.topics import EVENTS
from reftrail.engine.outcome import Message
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.transaction import FencedError, TransactionalWriter
from reftrail.hosting.kafka.log_bounds import Position

T0 = 1_790_000_000_000


def _click(event_id: str) -> Message:
    click = Click(event_id=event_id, event_time=T0, received_at=T0, visitor_id="v")
    return b"v", encode(click)


async def test_a_fenced_writer_says_so_in_a_sentence_whenever_it_is_asked(
    installation: TestInstallation,
) -> None:
    settings = WorkerSettings(
        bootstrap_servers=installation.bootstrap_servers, topic_prefix=installation.topic_prefix
    )
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the client forgets futures when it is fenced
    at = TopicPartition(settings.name_of(EVENTS), 0)
    first, other = (TransactionalWriter(settings, 0, {}) for _ in range(2))
    await first.start()
    await first.commit({(EVENTS, 0): [_click("one")]}, {at: Position(1)}, {at: 1})
    await other.start()
    try:
        await other.commit({(EVENTS, 0): [_click("two")]}, {at: Position(2)}, {at: 2})
        for _ in range(2):
            with pytest.raises(FencedError, match="partition 0 has another owner by now"):
                await first.commit({(EVENTS, 0): [_click("lost")]}, {at: Position(3)}, {at: 3})
    finally:
        await first.stop()
        await other.stop()
    found = read_committed(installation, EVENTS)
    assert [logged.record.event_id for logged in found] == ["one", "two"]

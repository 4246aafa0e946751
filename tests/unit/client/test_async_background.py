"""The same for asyncio."""

import asyncio

import pytest
from support.fake_collector import FakeCollector
from support.metrics import wait_until

from reftrail.client import AsyncReftrail, Event, QueueFull, QueueOptions, Rejected, Unsent


def sent() -> list[Event]:
    return [event for body in FakeCollector.bodies for event in body["events"]]


async def test_what_is_reported_leaves_in_one_request_at_the_latest_at_the_end(
    server: str,
) -> None:
    async with AsyncReftrail(server, "sk", queue=QueueOptions(linger_seconds=60)) as reftrail:
        await reftrail.signup("uma", visitor_id="v1")
        await reftrail.purchase("uma", "O1", "19.99", "EUR")
        await reftrail.refund("uma", "O1")
        await reftrail.identify("uma", "v2")
        assert FakeCollector.bodies == []
    assert len(FakeCollector.bodies) == 1
    assert [event["type"] for event in sent()] == ["signup", "purchase", "refund", "identified"]


async def test_they_leave_by_themselves(server: str) -> None:
    reftrail = AsyncReftrail(server, "sk")
    await reftrail.signup("uma")
    await asyncio.to_thread(wait_until, lambda: bool(FakeCollector.bodies), 60)
    await reftrail.close()
    await reftrail.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        await reftrail.signup("ben")


async def test_a_full_queue_is_an_error(server: str) -> None:
    FakeCollector.answers = [(503, b'{"detail": "busy"}')] * 1000
    options = QueueOptions(capacity=2, full_seconds=0.3)
    reftrail = AsyncReftrail(server, "sk", patience=0.1, queue=options)
    await reftrail.signup("u1")
    await reftrail.signup("u2")
    with pytest.raises(QueueFull, match="2 events wait"):
        await reftrail.signup("u3")
    FakeCollector.answers = []
    await reftrail.close()
    assert {event["user_id"] for event in sent()} == {"u1", "u2"}


async def test_closing_gives_back_what_was_not_sent() -> None:
    reftrail = AsyncReftrail("http://127.0.0.1:1", "sk", patience=0.1)
    await reftrail.signup("uma")
    with pytest.raises(Unsent) as caught:
        await reftrail.close(0.5)
    assert [event["user_id"] for event in caught.value.events] == ["uma"]


async def test_rejections_and_wrong_keys(
    server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("reftrail.client.async_outbox.PAUSE", 0.05)
    FakeCollector.answers = [(401, b'{"detail": "give a known API key"}'), (202, b"broken")]
    rejected: list[Rejected] = []
    options = QueueOptions(on_rejected=lambda _, rejection: rejected.append(rejection))
    async with AsyncReftrail(server, "sk", queue=options) as reftrail:
        await reftrail.identify("uma", "bad")
        await reftrail.flush(60)
    assert [rejection.pointer for rejection in rejected] == ["/visitor_id"]
    assert "401: give a known API key" in caplog.text
    assert "unexpected; the events are kept" in caplog.text


def test_a_loop_that_ends_says_what_was_not_sent(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def forgetful() -> None:
        reftrail = AsyncReftrail(server, "sk", queue=QueueOptions(linger_seconds=60))
        await reftrail.signup("uma")
        await asyncio.sleep(0)

    asyncio.run(forgetful())
    assert "the event loop ended before 1 events were sent" in caplog.text

"""A host's end doesn't wait for what is still being read, and closes everything else."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from reftrail.hosting.leaving_behind import AbandonedThreads, closed_within


@pytest.fixture
def at_work() -> Iterator[threading.Event]:
    """Set once the test is over: until then what waits for it is at work."""
    over = threading.Event()
    yield over
    over.set()


@pytest.mark.parametrize("fails", [False, True])
def test_a_connection_that_is_at_work_is_left_behind(
    at_work: threading.Event, caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    closed: list[str] = []

    def end() -> None:
        with closed_within(0.1) as closing:
            closing.callback(at_work.wait, 60)
            closing.callback(closed.append, "idle")
            if fails:
                raise KeyError("a fault")

    if fails:
        with pytest.raises(KeyError):
            end()
    else:
        end()
    assert closed == ["idle"]
    assert "left behind" in caplog.text


def test_what_closing_raises_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise KeyError("a fault")

    with pytest.raises(KeyError), closed_within(60) as closing:
        closing.callback(fail)
    assert caplog.records == []


def test_an_event_loop_ends_while_its_threads_are_at_work(at_work: threading.Event) -> None:
    began = threading.Event()

    def read() -> None:
        began.set()
        at_work.wait(60)

    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(AbandonedThreads())
        reading = asyncio.create_task(asyncio.to_thread(read))
        await asyncio.get_running_loop().run_in_executor(None, began.wait, 60)
        reading.cancel()

    ending = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    ending.start()
    ending.join(30)
    assert not ending.is_alive()

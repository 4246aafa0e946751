"""A host runs until it is asked to stop, or until a part of it fails."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from reftrail.hosting.run import run_in_thread, run_until_stopped, stop_on_signals


class Parts:
    """The history of parts that run until they are cancelled, in order."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def forever(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(name)

    async def until(self, stop: asyncio.Event, name: str) -> None:
        await stop.wait()
        self.ended.append(name)


async def fails() -> None:
    await asyncio.sleep(0)
    raise ValueError("broken")


async def ends() -> None:
    await asyncio.sleep(0)


async def test_parts_end_in_order_and_what_finishes_by_itself_first() -> None:
    parts, stop = Parts(), asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    await run_until_stopped(
        stop, parts.forever("http"), parts.forever("relay"), finishing=parts.until(stop, "sink")
    )
    assert parts.ended == ["sink", "http", "relay"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signals_stop_it(number: signal.Signals) -> None:
    parts, stop = Parts(), stop_on_signals()
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
    await run_until_stopped(stop, parts.forever("http"))
    assert parts.ended == ["http"]


async def test_an_error_of_one_part_ends_all_and_is_raised() -> None:
    parts, stop = Parts(), asyncio.Event()
    with pytest.raises(ValueError, match="broken"):
        await run_until_stopped(
            stop, parts.forever("http"), fails(), finishing=parts.until(stop, "sink")
        )
    assert parts.ended == ["sink", "http"]


async def test_an_error_while_ending_is_raised() -> None:
    async def breaks_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("broken")

    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    with pytest.raises(ValueError, match="broken"):
        await run_until_stopped(stop, breaks_at_the_end())


async def test_no_part_may_end_before_it_is_asked_to() -> None:
    parts, stop = Parts(), asyncio.Event()
    with pytest.raises(RuntimeError, match=r"ends.* has ended"):
        await run_until_stopped(stop, ends(), parts.forever("http"))
    assert parts.ended == ["http"]


async def test_a_loop_that_blocks_ends_when_it_is_asked_to() -> None:
    stop, begun, ended = asyncio.Event(), threading.Event(), threading.Event()

    def loop(ending: threading.Event) -> None:
        begun.set()
        assert ending.wait(60)
        ended.set()

    running = asyncio.create_task(run_in_thread(loop, stop))
    assert await asyncio.to_thread(begun.wait, 60)
    assert not running.done()
    stop.set()
    await running
    assert ended.is_set()


async def test_an_error_of_a_loop_that_blocks_is_raised() -> None:
    def loop(ending: threading.Event) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await run_in_thread(loop, asyncio.Event())


HOST = """
import atexit, os
from pydantic_settings import BaseSettings
from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.run import run_host

async def run(settings):
    {body}

atexit.register(os._exit, 9)  # what the interpreter's own ending would lead to
run_host(BaseSettings, run)
"""


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ("pass", 0, ""),
        ("raise ExpectedError('no broker')", 1, "error: no broker\n"),
        ("raise ValueError('broken')", 1, "ValueError: broken\n"),
    ],
)
def test_a_process_ends_without_the_interpreters_own_ending(
    body: str, code: int, says: str
) -> None:
    """Threads of clients that are still at work would abort it (seen: SIGABRT of a refusal)."""
    done = subprocess.run(
        [sys.executable, "-c", HOST.format(body=body)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stderr.endswith(says)

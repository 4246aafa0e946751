"""A host runs until it is asked to stop, or until a part of it fails."""

import asyncio
import os
import signal

import pytest

from reftrail.hosting.run import run_until_stopped, stop_on_signals


class Parts:
    """What happened to parts that run until they are cancelled, in order."""

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

"""Figures of a running worker."""

import asyncio
import re
import time
from collections.abc import Callable

from support.worker import RunningWorker


def figure(running: RunningWorker, name: str) -> float:
    """The sum of a series `reftrail_worker_...` over its labels."""
    series = rf"^reftrail_worker_{name}(?:\{{.*\}})? (.*)$"
    found = re.findall(series, running.get("/metrics")[1], re.MULTILINE)
    return sum(map(float, found))


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Return once a condition holds. Raises AssertionError if it takes longer."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"it doesn't hold after {seconds} s"
        time.sleep(0.1)


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """`wait_until` where the event loop has to go on meanwhile."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it doesn't hold after {seconds} s"
        await asyncio.sleep(0.01)

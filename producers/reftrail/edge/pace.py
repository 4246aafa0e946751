"""Pauses in long work, so that other requests are answered meanwhile."""

import asyncio
from collections.abc import Iterable
from time import perf_counter
from typing import Final, TypeVar

T = TypeVar("T")

_LONGEST: Final = 0.005
"""Seconds for which one request holds the loop, and then a step's."""


async def paced(steps: Iterable[T]) -> list[T]:
    """The results of the steps of a work, each of which takes a few milliseconds at most."""
    done: list[T] = []
    until = perf_counter() + _LONGEST
    for given in steps:
        done.append(given)
        if perf_counter() > until:
            await asyncio.sleep(0)
            until = perf_counter() + _LONGEST
    return done

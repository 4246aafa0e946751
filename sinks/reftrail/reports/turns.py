"""Threads for questions to ClickHouse: one for each connection, and a bound on how many wait.

Reports and what a person waits for have threads of their own: thirty reports at once took all
threads of the loop, and a user's view waited for them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")

RETRY_AFTER: Final = 5
"""Seconds after which a question that found no turn may be asked again."""


class Crowded(Exception):  # noqa: N818  named after what it says
    """Too many questions wait."""


class Turns:
    """Turns of questions that one connection answers, one after the other."""

    def __init__(self, name: str, most_waiting: int) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._most = most_waiting
        self._waiting = 0

    async def run(self, ask: Callable[..., T], *arguments: Any) -> T:
        """Run a call, which blocks, when it is its turn. Raises `Crowded`."""
        if self._waiting >= self._most:
            raise Crowded
        self._waiting += 1
        asked = asyncio.get_running_loop().run_in_executor(self._thread, ask, *arguments)
        asked.add_done_callback(self._done)
        return await asked

    def _done(self, _: object) -> None:
        self._waiting -= 1

"""Workers that ask partners: threads of its own for each kind of reward."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from typing import Final

from reftrail.fulfilment.answers import Answer, Deferred, Fulfiller
from reftrail.fulfilment.metrics import FulfilmentMetrics
from reftrail.fulfilment.outcomes import Due

_CONCURRENCY: Final = 8

_log = logging.getLogger(__name__)


class FulfilmentWorkers:
    """Workers of one fulfilment, by kind of reward.

    In each kind, up to concurrency orders are asked for at the same time: a receiver that doesn't
    answer holds up no other kind, and of its own kind only until its time is up.
    """

    def __init__(
        self,
        fulfillers: Mapping[str, Fulfiller],
        metrics: FulfilmentMetrics,
        concurrency: int = _CONCURRENCY,
        executor: Callable[[int], Executor] = ThreadPoolExecutor,
    ) -> None:
        self._fulfillers = fulfillers
        self._metrics = metrics
        self._concurrency = concurrency
        self._executors = {kind: executor(concurrency) for kind in fulfillers}
        self._asked: dict[Future[Answer], Due] = {}

    @property
    def kinds(self) -> AbstractSet[str]:
        """The kinds of reward that have workers."""
        return self._fulfillers.keys()

    @property
    def is_busy(self) -> bool:
        """Whether anybody is being asked."""
        return bool(self._asked)

    def free(self) -> Mapping[str, int]:
        """The number of free workers, by kind; kinds without any are left out."""
        busy = Counter(due.order.kind for due in self._asked.values())
        free = {kind: self._concurrency - busy[kind] for kind in self._fulfillers}
        return {kind: count for kind, count in free.items() if count > 0}

    def ask(self, due: Due) -> None:
        """Begin to ask for an order, for whose kind there must be workers."""
        future = self._executors[due.order.kind].submit(self._timed, due)
        self._asked[future] = due

    def answered(self) -> Iterator[tuple[Due, Answer]]:
        """The orders for which an answer has come, each once."""
        for future in [future for future in self._asked if future.done()]:
            due = self._asked.pop(future)
            yield due, _answer(future, due)

    def wait(self, seconds: float, *, for_all: bool = False) -> None:
        """Wait for an answer, or for all; so long at most, and just so long if nobody is asked."""
        if self._asked:
            wait(self._asked, seconds, ALL_COMPLETED if for_all else FIRST_COMPLETED)
        elif not for_all:
            time.sleep(seconds)

    def close(self) -> None:
        """Ask nobody else. Who is being asked isn't waited for."""
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)

    def _timed(self, due: Due) -> Answer:
        with self._metrics.seconds.labels(due.order.kind).time():
            return self._fulfillers[due.order.kind].fulfil(due.order)


def _answer(future: Future[Answer], due: Due) -> Answer:
    """The partner's answer. An adapter's exception must not stop the orders of others."""
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    _log.error("asking for %s failed", due.order.reward_id, exc_info=error)
    return Deferred(f"the adapter raised {error!r}", in_doubt=True)

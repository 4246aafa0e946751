"""Loop of the sink: public topics in, ClickHouse out; each committed message exactly once.

While one batch is being inserted, the next one is gathered. An error ends the loop, and the
process with it, except that a broker which doesn't answer is waited for.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as AdminError

from reftrail.contracts.installation import Installation
from reftrail.warehouse.gathering import Gathering
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.pace import Pace
from reftrail.warehouse.progress import LoadedPositions
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.warehouse.source import KafkaSource, describe, read_again

_READ_SECONDS: Final = 0.2
_BREATH_SECONDS: Final = 0.1
_OBSERVE_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Sink:
    """Loads messages until it is asked to stop."""

    def __init__(
        self,
        settings: WarehouseSettings,
        ledger: Ledger,
        loader: Loader,
        progress: LoadedPositions,
        metrics: WarehouseMetrics,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._loader = loader
        self._progress = progress
        self._metrics = metrics

    async def run(self, stop: asyncio.Event) -> None:
        """Finish what was left open, then load until stop is set. Raises on anything unexpected."""
        source = await self._started(stop)
        if source is None:
            return
        observing = asyncio.create_task(self._observe(source))
        try:
            await self._load(source, stop, observing)
        finally:
            observing.cancel()
            await source.stop()

    async def _started(self, stop: asyncio.Event) -> KafkaSource | None:
        settings = self._settings
        sources = await _patiently(lambda: asyncio.to_thread(describe, settings), settings, stop)
        if sources is None:
            return None
        await asyncio.to_thread(self._ledger.claim, [source for source, _ in sources])
        for load in await asyncio.to_thread(self._ledger.unfinished):
            work = await _patiently(lambda load=load: read_again(settings, load), settings, stop)  # type: ignore[misc]
            if work is None:
                return None
            await self._loader.recover(work)
        positions = await asyncio.to_thread(self._ledger.positions)

        async def start() -> KafkaSource:
            source = KafkaSource(settings)
            try:
                self._progress.positions.update(await source.start(sources, positions))
            except BaseException:
                await source.stop()
                raise
            return source

        return await _patiently(start, settings, stop)

    async def _load(
        self, source: KafkaSource, stop: asyncio.Event, observing: asyncio.Task[None]
    ) -> None:
        gathering, pace = Gathering(), Pace(self._settings)
        loading: asyncio.Task[None] | None = None
        while not stop.is_set():
            if observing.done():
                observing.result()
            found = await source.read(_READ_SECONDS)
            gathering.add(found)
            if loading is not None and (loading.done() or pace.is_full(gathering)):
                await loading
                loading = None
            if loading is None and pace.is_due(gathering, is_quiet=not found):
                loading = asyncio.create_task(self._take(gathering.take(), pace))
            elif not pace.is_full(gathering):
                await asyncio.sleep(_BREATH_SECONDS)
        if loading is not None:
            await loading

    async def _take(self, batch: Sequence[Work], pace: Pace) -> None:
        pace.begins()
        await self._loader.load(batch)
        self._progress.loaded(batch)
        pace.ended()

    async def _observe(self, source: KafkaSource) -> None:
        """Ask the broker again and again how far its topics go."""
        is_silent = False
        while True:
            at = time.time()
            try:
                ends = await asyncio.wait_for(source.ends(), _ANSWER_SECONDS)
            except (KafkaError, TimeoutError) as error:
                self._metrics.broker_is_silent()
                if not is_silent:
                    _log.warning("Kafka does not answer (%r); waiting for it", error)
                is_silent = True
            else:
                self._progress.observed(at, ends)
                self._metrics.observed(self._progress.lags(), self._progress.as_of)
                if is_silent:
                    _log.info("Kafka answers again; going on")
                is_silent = False
            await asyncio.sleep(_OBSERVE_SECONDS)


async def _patiently(
    ask: Callable[[], Awaitable[T]], installation: Installation, stop: asyncio.Event
) -> T | None:
    """The answer, however long the broker takes to come up; None when asked to stop."""
    while not stop.is_set():
        try:
            return await ask()
        except (KafkaError, AdminError) as error:
            servers = installation.bootstrap_servers
            _log.warning("Kafka at %s does not answer (%r); trying again", servers, error)
            await asyncio.sleep(_RETRY_SECONDS)
    return None

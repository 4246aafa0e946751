"""Turns of a warehouse: it loads when no other one on the same ClickHouse does.

ClickHouse in this process is locked by its directory, so it is always this warehouse's turn. On a
server there may be others: then it waits as a standby, and learns meanwhile what these load.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.warehouse.clickhouse import connect_for_writing
from reftrail.warehouse.epochs import Epochs, fence
from reftrail.warehouse.loader import Loader
from reftrail.warehouse.progress import LoadedPositions
from reftrail.warehouse.settings import ClickHouseSettings
from reftrail.warehouse.sink import Sink
from reftrail.warehouse.standby import Standby
from reftrail.warehouse.tables import apply_ddl, is_up_to_date

_FOLLOW_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Turns:
    """Turns of one warehouse. writing is its connection for loads; on_turn takes an epoch."""

    def __init__(
        self,
        settings: ClickHouseSettings,
        writing: Client,
        loader: Loader,
        progress: LoadedPositions,
        on_turn: Callable[[int], None],
    ) -> None:
        """Bring the tables of ClickHouse in this process up to date: reports need them at once."""
        self._settings = settings
        self._writing = writing
        self._loader = loader
        self._progress = progress
        self._on_turn = on_turn
        self._followed_at = -_FOLLOW_SECONDS
        if settings.url is None:
            self._update_tables()

    async def load(self, sink: Sink, stop: asyncio.Event) -> None:
        """Wait for the turn, and load until stop is set. Raises on anything unexpected."""
        if self._settings.url is None:
            await sink.run(stop)
            return
        beating = connect_for_writing(None, self._settings.url)
        try:
            epochs = Epochs(beating, self._settings.clickhouse_cluster)
            silence = self._settings.warehouse_takeover_seconds
            standby = Standby(epochs, silence, self._progress.waits_for, self._follow)
            epoch = await standby.turn(stop)
            if epoch is not None:
                await standby.hold(self._load(epoch, standby, sink, stop))
        finally:
            beating.close()

    async def _load(self, epoch: int, standby: Standby, sink: Sink, stop: asyncio.Event) -> None:
        """Load in an epoch. The first fence keeps others from tables that are being altered."""
        cluster = self._settings.clickhouse_cluster
        await asyncio.to_thread(fence, self._writing, epoch, cluster)
        await asyncio.to_thread(self._update_tables, epoch)
        await asyncio.to_thread(fence, self._writing, epoch, cluster)
        await standby.followed(stop)  # the loader takes one thing at a time
        if not stop.is_set():
            self._on_turn(epoch)
            await sink.run(stop)

    def _update_tables(self, epoch: int | None = None) -> None:
        cluster = self._settings.clickhouse_cluster
        for name in apply_ddl(self._writing, cluster=cluster, epoch=epoch):
            _log.info("applied ddl/%s", name)

    def _follow(self) -> None:
        """Keep up with who loads, every few seconds."""
        if time.monotonic() - self._followed_at < _FOLLOW_SECONDS:
            return
        if is_up_to_date(self._writing):
            self._loader.follow()
        self._followed_at = time.monotonic()

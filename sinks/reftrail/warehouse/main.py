"""Composition root of the warehouse: settings, ClickHouse, the sink and the HTTP server.

Input: every public topic, and `api-keys`. Output: ClickHouse, reports over HTTP, and
`api-key-uses`. Guarantee: each committed message is stored exactly once, see `sink`; of several
warehouses on one server one loads, see `turns`.
"""

import asyncio
import gc
import logging
from typing import TYPE_CHECKING, Final

from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.api_keys_topic import ApiKeysReader, KeyUses
from reftrail.edge.authorization import Authorization
from reftrail.hosting.leaving_behind import AbandonedThreads, closed_within
from reftrail.hosting.private import private_port
from reftrail.hosting.run import run_host, run_until_stopped, stop_on_signals
from reftrail.hosting.serving import serve
from reftrail.reports.analysts.export import remove_unfinished
from reftrail.reports.analysts.routes import Analysts
from reftrail.warehouse.clickhouse import (
    connect_for_analysts,
    connect_for_reading,
    connect_for_writing,
    lock,
)
from reftrail.warehouse.dead_letters import DeadLetters
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.http import application
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.progress import LoadedPositions
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.warehouse.sink import Sink
from reftrail.warehouse.turns import Turns

if TYPE_CHECKING:
    from reftrail.dashboard.dashboard import DashboardParts

_COLLECT_AFTER: Final = 50_000
"""New objects after which the garbage collector runs. Each message that is read makes some of them,
none of it garbage: by the default of 700 the collector takes a fifth of the time for reading."""

_FINISHING_SECONDS: Final = 5.0
"""How long an end waits for answers, of which some take a minute. They change nothing: who asks can
ask again."""
_CLOSING_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT; an unexpected error ends the process with a traceback."""
    gc.set_threshold(_COLLECT_AFTER)
    run_host(WarehouseSettings, run, quiet={"kafka": logging.WARNING, "aiokafka": logging.CRITICAL})


async def run(settings: WarehouseSettings) -> None:
    """Load and answer until asked to stop. What is still being read then is left behind."""
    stop = stop_on_signals()
    asyncio.get_running_loop().set_default_executor(AbandonedThreads())
    path, url = settings.clickhouse_path, settings.url
    progress, metrics, letters = LoadedPositions(), WarehouseMetrics(), DeadLetters(settings)
    with closed_within(_CLOSING_SECONDS) as closing:
        if path is not None:
            closing.enter_context(lock(path))
            remove_unfinished(path)
        writing = connect_for_writing(path, url)
        closing.callback(writing.close)
        reading = connect_for_reading(path, url)
        closing.callback(reading.close)
        low_latency = connect_for_reading(path, url)
        closing.callback(low_latency.close)
        sql = connect_for_analysts(path, url)
        closing.callback(sql.close)
        export = connect_for_reading(path, url)
        closing.callback(export.close)
        placing = connect_for_writing(path, url)
        placer = Placer(placing, progress.as_of_text, progress.is_behind)
        closing.callback(placer.close)
        ledger = Ledger(writing)
        loader = Loader(writing, ledger, letters.bury, metrics)
        sink = Sink(settings, ledger, loader, progress, metrics)
        turns = Turns(settings, writing, loader, progress, placer.begin_turn)
        analysts = Analysts(sql, export, VIEWS, path, progress.as_of_text, placer)
        keys = ApiKeys.of(secret=[key.get_secret_value() for key in settings.secret_keys])
        reader = ApiKeysReader(settings, keys, metrics.key_skipped)
        authorization = Authorization(keys, proxies=settings.proxies)
        try:
            async with private_port(
                application(
                    reading,
                    low_latency,
                    authorization,
                    progress,
                    metrics,
                    analysts=analysts,
                    dashboard_parts=_dashboard_parts(settings),
                    placed=placer,
                ),
                settings.reports_private_host,
                settings.reports_private_port,
                "REFTRAIL_REPORTS_PRIVATE_PORT",
            ) as app:
                serving = serve(
                    app,
                    settings.reports_host,
                    settings.reports_port,
                    "REFTRAIL_REPORTS_PORT",
                    finishing_seconds=_FINISHING_SECONDS,
                )
                await run_until_stopped(
                    stop,
                    serving,
                    reader.run(),
                    placer.run(),
                    KeyUses(settings, keys, "warehouse").run(),
                    finishing=turns.load(sink, stop),
                )
        finally:
            await letters.stop()
    _log.info("stopped")


def _dashboard_parts(settings: WarehouseSettings) -> "DashboardParts | None":
    """The dashboard's parts; what it needs is imported only where there is one."""
    if settings.warehouse_session_secret is None:
        return None
    from reftrail.warehouse.dashboard_parts import dashboard_parts  # noqa: PLC0415

    return dashboard_parts(settings)

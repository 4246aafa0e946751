"""Composition root of the warehouse: settings, ClickHouse, the sink and the HTTP server.

Input: every public topic. Output: ClickHouse, and reports over HTTP. Guarantee: each committed
message is stored exactly once, see `sink`.
"""

import logging
from contextlib import ExitStack

from reftrail.hosting.private import private_port
from reftrail.hosting.run import run_host, run_until_stopped, stop_on_signals
from reftrail.hosting.serving import serve
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing, lock
from reftrail.warehouse.dead_letters import DeadLetters
from reftrail.warehouse.http import application
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import Progress
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.warehouse.sink import Sink
from reftrail.warehouse.tables import apply_ddl

_log = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT; an unexpected error ends the process with a traceback."""
    run_host(WarehouseSettings, run, quiet={"kafka": logging.WARNING, "aiokafka": logging.WARNING})


async def run(settings: WarehouseSettings) -> None:
    """Load and answer until asked to stop."""
    stop = stop_on_signals()
    path = settings.clickhouse_path
    url = settings.clickhouse_url.get_secret_value() if settings.clickhouse_url else None
    progress, metrics, letters = Progress(), WarehouseMetrics(), DeadLetters(settings)
    with ExitStack() as closing:
        if path is not None:
            closing.enter_context(lock(path))
        writing = connect_for_writing(path, url)
        closing.callback(writing.close)
        reading = connect_for_reading(path, url)
        closing.callback(reading.close)
        low_latency = connect_for_reading(path, url)
        closing.callback(low_latency.close)
        for name in apply_ddl(writing):
            _log.info("applied ddl/%s", name)
        ledger = Ledger(writing)
        loader = Loader(writing, ledger, letters.bury, metrics)
        sink = Sink(settings, ledger, loader, progress, metrics)
        keys = [key.get_secret_value() for key in settings.secret_keys]
        try:
            async with private_port(
                application(reading, low_latency, keys, progress, metrics),
                settings.reports_private_host,
                settings.reports_private_port,
                "REFTRAIL_REPORTS_PRIVATE_PORT",
            ) as app:
                serving = serve(
                    app, settings.reports_host, settings.reports_port, "REFTRAIL_REPORTS_PORT"
                )
                await run_until_stopped(stop, serving, finishing=sink.run(stop))
        finally:
            await letters.stop()
    _log.info("stopped")

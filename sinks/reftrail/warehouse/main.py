"""What is wired to what: settings, ClickHouse, the sink, the HTTP server."""

import asyncio
import logging
import signal
from contextlib import ExitStack

from reftrail.hosting.private import private_port
from reftrail.hosting.run import run_host
from reftrail.hosting.serving import serve
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing, lock
from reftrail.warehouse.dead_letters import DeadLetters
from reftrail.warehouse.http import application
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader
from reftrail.warehouse.metrics import Metrics
from reftrail.warehouse.progress import Progress
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.warehouse.sink import Sink
from reftrail.warehouse.tables import apply_ddl

_log = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT; anything unexpected ends the process with an exit code not 0."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for library in ("kafka", "aiokafka"):
        logging.getLogger(library).setLevel(logging.WARNING)
    run_host(WarehouseSettings, run)


async def run(settings: WarehouseSettings) -> None:
    """Load and answer until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    path = settings.clickhouse_path
    url = settings.clickhouse_url.get_secret_value() if settings.clickhouse_url else None
    progress, metrics, letters = Progress(), Metrics(), DeadLetters(settings)
    with ExitStack() as closing:
        if path is not None:
            closing.enter_context(lock(path))
        writing = connect_for_writing(path, url)
        closing.callback(writing.close)
        reading = connect_for_reading(path, url)
        closing.callback(reading.close)
        quick = connect_for_reading(path, url)
        closing.callback(quick.close)
        for name in apply_ddl(writing):
            _log.info("applied ddl/%s", name)
        ledger = Ledger(writing)
        loader = Loader(writing, ledger, letters.bury, metrics)
        sink = Sink(settings, ledger, loader, progress, metrics)
        keys = [key.get_secret_value() for key in settings.secret_keys]
        try:
            async with private_port(
                application(reading, quick, keys, progress, metrics),
                settings.reports_private_host,
                settings.reports_private_port,
                "REFTRAIL_REPORTS_PRIVATE_PORT",
            ) as app:
                serving = serve(
                    app, settings.reports_host, settings.reports_port, "REFTRAIL_REPORTS_PORT"
                )
                await _both(asyncio.create_task(sink.run(stop)), asyncio.create_task(serving))
        finally:
            await letters.stop()
    _log.info("stopped")


async def _both(sinking: asyncio.Task[None], serving: asyncio.Task[None]) -> None:
    """Until the sink is told to stop; an error of either ends both."""
    await asyncio.wait((sinking, serving), return_when=asyncio.FIRST_COMPLETED)
    ended = sinking if sinking.done() else serving
    for other in {sinking, serving} - {ended}:
        other.cancel()
        await asyncio.wait((other,))
    ended.result()
    if ended is serving:
        raise RuntimeError("the HTTP server has ended")

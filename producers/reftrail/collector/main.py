"""Wires the collector together and runs it: one process, one event loop, Granian in it."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from reftrail.code_lookup.known_codes import CodesReader
from reftrail.collector.codes_api import codes_api
from reftrail.collector.http import Collector, application
from reftrail.collector.metrics import Metrics
from reftrail.collector.publisher import Publisher
from reftrail.collector.reviews import Reviews
from reftrail.collector.settings import CollectorSettings, listed
from reftrail.contracts.topics import EVENTS, REVIEWS
from reftrail.edge.api_keys import keys
from reftrail.edge.pseudonyms import parse_hash_key, pseudonyms
from reftrail.hosting.private import private_port
from reftrail.hosting.process import run_host
from reftrail.hosting.serving import check_free

logger = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT, then answer what was begun, and end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Its warnings repeat several times a second while a broker is away; what follows from that
    # the publisher says once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    run_host(CollectorSettings, serve)


async def serve(settings: CollectorSettings) -> None:
    """Serve until a signal asks to end. Raises `ExpectedError` if it can't begin."""
    check_free(settings.collector_host, settings.collector_port, "REFTRAIL_COLLECTOR_PORT")
    async with (
        running(settings) as collector,
        private_port(
            application(collector),
            settings.collector_private_host,
            settings.collector_private_port,
            "REFTRAIL_COLLECTOR_PRIVATE_PORT",
        ) as app,
    ):
        server = Server(
            app,
            address=settings.collector_host,
            port=settings.collector_port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto,
            websockets=False,
            log_enabled=False,
        )
        loop = asyncio.get_running_loop()
        for asked in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(asked, server.stop)
        logger.info("serving on http://%s:%d", settings.collector_host, settings.collector_port)
        await server.serve()
        logger.info("no more requests; writing what is left")


@asynccontextmanager
async def running(settings: CollectorSettings) -> AsyncIterator[Collector]:
    """A collector connected to Kafka, or trying to be; closed in order at the end."""
    metrics = Metrics()
    known = keys(
        listed(settings.secret_keys.get_secret_value()),
        listed(settings.publishable_keys.get_secret_value()),
    )
    hashes = pseudonyms(parse_hash_key(settings.hash_key.get_secret_value()))
    codes = CodesReader(
        settings,
        settings.master_secret,
        on_progress=metrics.codes_known.set,
        on_undecodable=metrics.codes_undecodable.inc,
    )
    collector = Collector(
        settings,
        known,
        hashes,
        codes,
        Publisher(settings, EVENTS, metrics),
        metrics,
        codes_api(settings, known, hashes, codes, metrics),
        # Reviews are few: the metrics of this publisher would hide those of the events' one.
        Reviews(
            known,
            Publisher(settings, REVIEWS, Metrics()),
            codes,
            settings.ack_timeout_seconds,
        ),
    )
    writing = asyncio.create_task(collector.publisher.run(), name="publisher")
    following = asyncio.create_task(collector.codes.run(), name="codes")
    reviewing = asyncio.create_task(collector.reviews.publisher.run(), name="reviews")
    for task in (writing, following, reviewing):
        task.add_done_callback(_end_process_on_defect)
    try:
        yield collector
    finally:
        await asyncio.gather(*collector.clicks, return_exceptions=True)
        await collector.codes_api.close()
        for task in (writing, following, reviewing):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _end_process_on_defect(task: "asyncio.Task[None]") -> None:
    """These tasks never end by themselves: if one does, nothing is right any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("the task %s failed", task.get_name(), exc_info=error)
        signal.raise_signal(signal.SIGTERM)

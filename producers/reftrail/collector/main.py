"""Wires the collector together and runs it: one process, one event loop, Granian in it."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import httpx
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from reftrail.code_lookup.known_codes import CodesReader
from reftrail.codes_api import CodesApi
from reftrail.codes_api.authorization import Admission
from reftrail.codes_api.metrics import CodesApiMetrics
from reftrail.codes_api.rate_limits import Limits, Rate
from reftrail.codes_api.store_access import Backend
from reftrail.codes_api.usage_counters import CounterSource, reports_client
from reftrail.codes_api.verification import Verifier
from reftrail.collector.http import Collector, application
from reftrail.collector.metrics import Metrics
from reftrail.collector.publisher import Publisher
from reftrail.collector.reviews import Reviews
from reftrail.collector.settings import CollectorSettings, listed
from reftrail.contracts.topics import EVENTS, REVIEWS
from reftrail.edge.api_keys import Keys, keys
from reftrail.edge.pseudonyms import Pseudonyms, parse_hash_key, pseudonyms
from reftrail.hosting.private import private_port
from reftrail.hosting.run import run_host
from reftrail.hosting.serving import check_free

logger = logging.getLogger(__name__)

_KEY_BURST_SECONDS: Final = 10.0
_ADDRESS_BURST_SECONDS: Final = 30.0


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
    collector = compose(settings)
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


def compose(settings: CollectorSettings) -> Collector:
    """The handlers with all that they need, not connected to anything yet."""
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
    return Collector(
        settings,
        known,
        hashes,
        codes,
        Publisher(settings, EVENTS, metrics),
        metrics,
        _codes_api(settings, known, hashes, codes, metrics),
        # Reviews are few: the metrics of this publisher would hide those of the events' one.
        Reviews(
            known,
            Publisher(settings, REVIEWS, Metrics()),
            codes,
            settings.ack_timeout_seconds,
        ),
    )


def _codes_api(
    settings: CollectorSettings,
    keys: Keys,
    hashes: Pseudonyms,
    codes: CodesReader,
    metrics: Metrics,
) -> CodesApi:
    store = settings.codes_store
    backend = Backend(store.get_secret_value() if store else None, settings.master_secret)
    counters = CounterSource(_reports(settings), time.monotonic)
    limits = Limits(
        secret=Rate.of(settings.secret_rate, _KEY_BURST_SECONDS),
        published=Rate.of(settings.publishable_rate, _KEY_BURST_SECONDS),
        address=Rate.of(settings.address_rate, _ADDRESS_BURST_SECONDS),
        clock=time.monotonic,
    )
    own_metrics = CodesApiMetrics(metrics.registry)
    return CodesApi(
        admission=Admission(keys, limits, settings.proxies, own_metrics),
        backend=backend,
        counters=counters,
        verifier=Verifier(backend, counters, codes),
        hashes=hashes,
        landing_url=settings.landing_url,
        metrics=own_metrics,
    )


def _reports(settings: CollectorSettings) -> httpx.AsyncClient | None:
    known = listed(settings.secret_keys.get_secret_value())
    key = settings.reports_key.get_secret_value() if settings.reports_key else next(iter(known), "")
    return reports_client(settings.reports_url, key) if settings.reports_url else None


def _end_process_on_defect(task: "asyncio.Task[None]") -> None:
    """These tasks never end by themselves: if one does, nothing is right any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("the task %s failed", task.get_name(), exc_info=error)
        signal.raise_signal(signal.SIGTERM)

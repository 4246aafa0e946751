"""Composition root of the collector: one process, one event loop, with the HTTP server in it.

Input: HTTP requests. Output: `events`, `reviews`, and changes in the store of codes. Guarantee:
Kafka has every event that was answered with 2xx.
"""

import asyncio
import logging
import time
from typing import Any, Final

import httpx

from reftrail.code_lookup.known_codes import CodesReader
from reftrail.codes_api import CodesApi
from reftrail.codes_api.authorization import Admission
from reftrail.codes_api.campaigns import KnownCampaigns, campaigns_of
from reftrail.codes_api.metrics import CodesApiMetrics
from reftrail.codes_api.rate_limits import Limits, Rate
from reftrail.codes_api.store_access import Backend
from reftrail.codes_api.usage_counters import CounterSource, reports_client
from reftrail.codes_api.verification import Verifier
from reftrail.collector.http import Collector
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.publisher import Publisher
from reftrail.collector.reviews import Reviews
from reftrail.collector.routes import application
from reftrail.collector.settings import CollectorSettings, listed
from reftrail.contracts.topics import EVENTS, REVIEWS
from reftrail.edge.api_keys import keys
from reftrail.edge.pseudonyms import Pseudonyms, parse_hash_key, pseudonyms
from reftrail.hosting.auth import ApiKeys
from reftrail.hosting.private import private_port
from reftrail.hosting.run import run_host, run_until_stopped, stop_on_signals
from reftrail.hosting.serving import check_free, serve

logger = logging.getLogger(__name__)

_KEY_BURST_SECONDS: Final = 10.0
_ADDRESS_BURST_SECONDS: Final = 30.0


def main() -> None:
    """Run until SIGTERM or SIGINT, then answer what was begun, and end."""
    # The client's warnings repeat several times a second while a broker is away; the publisher
    # says once what follows from that.
    run_host(CollectorSettings, run, quiet={"aiokafka": logging.CRITICAL})


async def run(settings: CollectorSettings) -> None:
    """Serve until asked to stop. Raises `ExpectedError` if it can't begin."""
    check_free(settings.collector_host, settings.collector_port, "REFTRAIL_COLLECTOR_PORT")
    stop = stop_on_signals()
    collector = compose(settings)
    async with private_port(
        application(collector),
        settings.collector_private_host,
        settings.collector_private_port,
        "REFTRAIL_COLLECTOR_PRIVATE_PORT",
    ) as app:
        await run_until_stopped(
            stop,
            _answer(collector, app),
            collector.publisher.run(),
            collector.codes.run(),
            collector.reviews.publisher.run(),
        )


async def _answer(collector: Collector, app: Any) -> None:
    """Answer until cancelled, then finish requests and clicks, while their publishers still run."""
    settings = collector.settings
    try:
        await serve(
            app, settings.collector_host, settings.collector_port, "REFTRAIL_COLLECTOR_PORT"
        )
    finally:
        logger.info("no more requests; writing what is left")
        await asyncio.gather(*collector.clicks, return_exceptions=True)
        await collector.codes_api.close()


def compose(settings: CollectorSettings) -> Collector:
    """The handlers with all that they need, not connected to anything yet."""
    metrics = CollectorMetrics()
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
            Publisher(settings, REVIEWS, CollectorMetrics()),
            codes,
            settings.ack_timeout_seconds,
        ),
    )


def _codes_api(
    settings: CollectorSettings,
    keys: ApiKeys,
    hashes: Pseudonyms,
    codes: CodesReader,
    metrics: CollectorMetrics,
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
        campaigns=KnownCampaigns(campaigns_of(settings)),
        hashes=hashes,
        landing_url=settings.landing_url,
        metrics=own_metrics,
    )


def _reports(settings: CollectorSettings) -> httpx.AsyncClient | None:
    known = listed(settings.secret_keys.get_secret_value())
    key = settings.reports_key.get_secret_value() if settings.reports_key else next(iter(known), "")
    return reports_client(settings.reports_url, key) if settings.reports_url else None

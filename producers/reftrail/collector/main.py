"""Composition root of the collector: one process, one event loop, with the HTTP server in it.

Input: HTTP requests. Output: `events`, `reviews`, `adjustments`, `api-key-uses`, `link-clicks`,
`install-matches`, and changes in the store of codes. Guarantee: Kafka has every event that was
answered with 2xx, or with a spool this machine's disk has it until Kafka has.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
import uvloop

from reftrail.code_lookup.codes_reader import CodesReader
from reftrail.codes_api import CodesApi
from reftrail.codes_api.authorization import Admission
from reftrail.codes_api.campaigns import KnownCampaigns, campaigns_of
from reftrail.codes_api.metrics import CodesApiMetrics
from reftrail.codes_api.rate_limits import Limits
from reftrail.codes_api.store_access import Backend
from reftrail.codes_api.usage_counters import CounterSource, reports_client
from reftrail.codes_api.verification import Verifier
from reftrail.collector.adjustments import Adjustments
from reftrail.collector.adjustments_reader import AdjustmentsReader
from reftrail.collector.http import Collector
from reftrail.collector.limits import EventLimits
from reftrail.collector.match_tables import MatchTables
from reftrail.collector.matching import Matching
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.owners import OwnerHashes, Renewal
from reftrail.collector.publisher import Publisher
from reftrail.collector.reviews import Reviews
from reftrail.collector.routes import application
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.installation import listed
from reftrail.contracts.topics import ADJUSTMENTS, EVENTS, INSTALL_MATCHES, LINK_CLICKS, REVIEWS
from reftrail.edge.api_keys import keys
from reftrail.edge.api_keys_topic import ApiKeysReader, KeyUses
from reftrail.edge.authorization import Authorization
from reftrail.edge.pseudonyms import Pseudonyms, parse_hash_key, pseudonyms
from reftrail.hosting.private import private_port
from reftrail.hosting.rate_limits import Rate
from reftrail.hosting.run import run_host, run_until_stopped, stop_on_signals
from reftrail.hosting.serving import check_free, serve

if TYPE_CHECKING:
    from reftrail.collector.spooled_publisher import SpooledPublisher

logger = logging.getLogger(__name__)

_COLLECT_AFTER: Final = 20_000
"""Objects more than before, after which those made since are searched for cycles; 700 is usual.

Requests make none. Of all objects, the caches' included, a search took 20 ms beside other work, in
which nobody is answered: after 5,000 requests as is usual, and now a tenth or less as often. What
is there before the first request is left out of searches (`gc.freeze`).
"""
_KEY_BURST_SECONDS: Final = 10.0
_ADDRESS_BURST_SECONDS: Final = 30.0


def main() -> None:
    """Run until SIGTERM or SIGINT, then answer what was begun, and end."""
    # The client's warnings repeat several times a second while a broker is away; the publisher
    # says once what follows from that.
    gc.set_threshold(_COLLECT_AFTER)
    # uvloop's loop, since requests and Kafka's client spend most of their time in the loop itself.
    run_host(
        CollectorSettings,
        run,
        quiet={"aiokafka": logging.CRITICAL},
        loop_factory=uvloop.new_event_loop,
    )


async def run(settings: CollectorSettings) -> None:
    """Serve until asked to stop. Raises `ExpectedError` if it can't begin."""
    check_free(settings.collector_host, settings.collector_port, "REFTRAIL_COLLECTOR_PORT")
    stop = stop_on_signals()
    composed = compose(settings)
    collector = composed.collector
    async with private_port(
        application(collector),
        settings.collector_private_host,
        settings.collector_private_port,
        "REFTRAIL_COLLECTOR_PRIVATE_PORT",
    ) as app:
        # 158,000 objects of the libraries and of what was composed, which stay to the end.
        gc.collect()
        gc.freeze()
        await run_until_stopped(
            stop,
            _answer(collector, app),
            *(part() for part in composed.parts),
            *follow_keys(settings, collector),
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
        await asyncio.gather(*collector.unfinished, return_exceptions=True)
        if collector.codes_api is not None:
            await collector.codes_api.close()


class Composition(NamedTuple):
    """The handlers with all that they need, and what keeps that connected while it runs."""

    collector: Collector
    parts: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


def compose(settings: CollectorSettings) -> Composition:
    """The collector's parts, not connected to anything yet."""
    metrics = CollectorMetrics()
    known = keys(
        listed(settings.secret_keys.get_secret_value()),
        listed(settings.publishable_keys.get_secret_value()),
    )
    hash_key = parse_hash_key(settings.hash_key.get_secret_value())
    hashes = pseudonyms(hash_key)
    former_key = settings.former_key
    former = None if former_key is None else pseudonyms(former_key)
    owners = OwnerHashes(
        hashes.key_id, former.key_id if former else None, metrics.owners_unknown.set
    )
    codes = CodesReader(
        settings,
        settings.master_secret,
        on_progress=metrics.codes_known.set,
        on_undecodable=metrics.codes_undecodable.inc,
        watching=owners,
    )
    limits = EventLimits(settings, metrics, time.monotonic)
    authorization = Authorization(
        known,
        proxies=settings.proxies,
        wrong=Rate.of(settings.address_rate, _ADDRESS_BURST_SECONDS),
        on_limited=metrics.limited.labels("address").inc,
    )
    codes_api = _codes_api(settings, hashes, codes, metrics)
    renewal = Renewal(owners, hashes, former, codes_api.backend, metrics.count_renewal)
    events = Publisher(settings, EVENTS, metrics)
    # Reviews are few: the metrics of this publisher would hide those of the events' one.
    # So are adjustments.
    reviews = Publisher(settings, REVIEWS, CollectorMetrics())
    adjustments = Publisher(settings, ADJUSTMENTS, CollectorMetrics())
    known_adjustments = AdjustmentsReader(settings, metrics.adjustments_undecodable.inc)
    spooled = _spooled(settings, events, metrics)
    tables = MatchTables(settings, metrics)
    clicks_log = Publisher(settings, LINK_CLICKS, CollectorMetrics())
    matches_log = Publisher(settings, INSTALL_MATCHES, CollectorMetrics())
    hash_keys = (hash_key,) if former_key is None else (hash_key, former_key)
    collector = Collector(
        settings,
        authorization,
        limits,
        hashes,
        codes,
        spooled or events,
        metrics,
        codes_api,
        Reviews(reviews, codes, settings.ack_timeout_seconds),
        Adjustments(adjustments, codes, known_adjustments, settings.ack_timeout_seconds),
        renewal,
        Matching(hash_keys, tables, clicks_log, matches_log, settings.ack_timeout_seconds),
    )
    connected = (
        *(events, codes, reviews, adjustments, known_adjustments),
        *(tables, clicks_log, matches_log),
    )
    replaying = () if spooled is None else (spooled.run,)  # ends before what it writes to
    return Composition(collector, (*replaying, *(part.run for part in connected)))


def _spooled(
    settings: CollectorSettings, events: Publisher, metrics: CollectorMetrics
) -> "SpooledPublisher | None":
    if settings.collector_spool is None:
        return None
    from reftrail.collector.spool import Spool  # noqa: PLC0415  SQLAlchemy
    from reftrail.collector.spooled_publisher import SpooledPublisher  # noqa: PLC0415

    spool = Spool.open(settings.collector_spool, settings.name_of(EVENTS))
    return SpooledPublisher(events, spool, settings.collector_spool_bytes, metrics)


def follow_keys(
    settings: CollectorSettings, collector: Collector
) -> tuple[Coroutine[Any, Any, None], ...]:
    """The parts of the host that keep keys up with their topic, and tell of their use."""
    known = collector.authorization.keys
    reader = ApiKeysReader(settings, known, collector.metrics.keys_undecodable.inc)
    return reader.run(), KeyUses(settings, known, "collector").run()


def _codes_api(
    settings: CollectorSettings,
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
        admission=Admission(limits, settings.proxies, own_metrics),
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

"""What the API of codes is made of, from the collector's settings."""

import time
from typing import Final

import httpx

from reftrail.code_lookup.known_codes import CodesReader
from reftrail.collector.codes_api.admission import Admission
from reftrail.collector.codes_api.backend import Backend
from reftrail.collector.codes_api.counters import CounterSource, reports_client
from reftrail.collector.codes_api.handlers import CodesApi
from reftrail.collector.codes_api.limits import Limits, Rate
from reftrail.collector.codes_api.metrics import CodesApiMetrics
from reftrail.collector.codes_api.verifying import Verifier
from reftrail.collector.metrics import Metrics
from reftrail.collector.settings import CollectorSettings, listed
from reftrail.edge.api_keys import Keys
from reftrail.edge.pseudonyms import Pseudonyms

_KEY_BURST_SECONDS: Final = 10.0
_ADDRESS_BURST_SECONDS: Final = 30.0


def codes_api(
    settings: CollectorSettings,
    keys: Keys,
    hashes: Pseudonyms,
    codes: CodesReader,
    metrics: Metrics,
) -> CodesApi:
    """The handlers, not connected to anything yet."""
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

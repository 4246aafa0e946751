"""Composition root of fulfilment: settings, the journal, partners, the loop and the HTTP server.

Input: `reward-granted`, and withdrawals. Output: requests to partners, and `fulfilments`.
Guarantee: each reward is asked for under one idempotency key until an outcome is reported.
"""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from reftrail.fulfilment.answers import Fulfiller
from reftrail.fulfilment.code_pool import CodePool
from reftrail.fulfilment.database import Database
from reftrail.fulfilment.fulfilment import Fulfilment
from reftrail.fulfilment.http import application
from reftrail.fulfilment.http_client import HttpClient
from reftrail.fulfilment.journal import Journal
from reftrail.fulfilment.kafka_log import connected
from reftrail.fulfilment.metrics import FulfilmentMetrics
from reftrail.fulfilment.settings import FulfilmentKind, FulfilmentSettings
from reftrail.fulfilment.shipment import HttpCarrier, Shipments
from reftrail.fulfilment.webhook import Webhook
from reftrail.fulfilment.workers import FulfilmentWorkers
from reftrail.hosting.run import run_host, run_in_thread, run_until_stopped, stop_on_signals
from reftrail.hosting.schedule import Schedule
from reftrail.hosting.serving import serve

_LIBRARIES = ("kafka", "httpx", "httpcore")

_log = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT; an unexpected error ends the process with a traceback."""
    run_host(FulfilmentSettings, run, quiet=dict.fromkeys(_LIBRARIES, logging.ERROR))


async def run(settings: FulfilmentSettings) -> None:
    """Fulfil and answer until asked to stop."""
    stop = stop_on_signals()
    metrics = FulfilmentMetrics()
    with ExitStack() as closing:
        database = Database.open(settings.fulfilment_journal)
        closing.callback(database.close)
        http = HttpClient(settings.fulfilment_timeout_seconds)
        closing.callback(http.close)
        asked = fulfillers(settings, http, database)
        fulfilment = Fulfilment(
            partial(
                connected,
                settings,
                settings.fulfilment_group,
                database.member(),
                accepts_loss=settings.fulfilment_accept_lost_orders,
            ),
            Journal(database),
            FulfilmentWorkers(asked, metrics, settings.fulfilment_concurrency),
            schedule_of(settings),
            metrics,
        )
        if isinstance(pool := asked.get(FulfilmentKind.CODE), CodePool):
            fulfilment.share = pool.share
        host, port = settings.fulfilment_host, settings.fulfilment_port
        app = application(metrics)
        await run_until_stopped(
            stop,
            serve(app, host, port, "REFTRAIL_FULFILMENT_PORT"),
            finishing=run_in_thread(fulfilment.run, stop),
        )
    _log.info("stopped")


def fulfillers(
    settings: FulfilmentSettings, http: HttpClient, database: Database
) -> Mapping[str, Fulfiller]:
    """The partner for each kind of reward. Raises `ExpectedError` if the codes can't be read."""
    made: dict[str, Fulfiller] = {}
    for kind in settings.fulfilment_kinds:
        match kind:
            case FulfilmentKind.CREDIT | FulfilmentKind.CASH:
                secrets = [
                    secret.get_secret_value() for secret in settings.fulfilment_signing_secrets
                ]
                made[kind] = Webhook(http, str(settings.fulfilment_webhook_url), secrets)
            case FulfilmentKind.SHIPMENT:
                assert settings.fulfilment_carrier_key is not None
                key = settings.fulfilment_carrier_key.get_secret_value()
                carrier = HttpCarrier(http, str(settings.fulfilment_carrier_url), key)
                made[kind] = Shipments(carrier)
            case FulfilmentKind.CODE:
                made[kind] = pool = CodePool(database, settings.fulfilment_codes_file)
                pool.load()
    return made


def schedule_of(settings: FulfilmentSettings) -> Schedule:
    """The retry schedule of these settings."""
    return Schedule(
        first=settings.fulfilment_retry_first_seconds,
        most=settings.fulfilment_retry_most_seconds,
        give_up_after=settings.fulfilment_give_up_after_seconds,
    )

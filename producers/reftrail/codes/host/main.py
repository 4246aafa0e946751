"""Composition root of the host of codes: relay, registrar and the HTTP server, in one process.

Input: the store, and signups from `conversions`. Output: `codes`, `code-formats`, `code-acts`, and
codes for those who sign up. Guarantee: see `relay` and `registrar`; it may be killed at any time.
"""

import asyncio
import logging
from contextlib import closing
from typing import Final

from reftrail.codes.formats.secrets import parse_master_secret
from reftrail.codes.host.http import application
from reftrail.codes.host.metrics import RelayMetrics
from reftrail.codes.host.registrar import Registrar
from reftrail.codes.host.relay import Relay
from reftrail.codes.host.settings import CodesSettings
from reftrail.codes.model import By, Filter
from reftrail.codes.service import CodeService
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.codes.store import Store, outbox
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.reference import CodeAct
from reftrail.contracts.times import now
from reftrail.hosting.run import run_host, run_until_stopped, stop_on_signals
from reftrail.hosting.serving import serve

logger = logging.getLogger(__name__)

_TIDY_EVERY: Final = 15.0
_BY: Final = By(actor="codes", reason="expires_at has passed")


def main() -> None:
    """Run until SIGTERM or SIGINT; an unexpected error ends the process with a traceback."""
    # The relay says what follows from the client's warnings, which repeat.
    run_host(CodesSettings, run, quiet={"aiokafka": logging.CRITICAL})


async def run(settings: CodesSettings) -> None:
    """Relay, register and answer until asked to stop."""
    stop = stop_on_signals()
    given = settings.codes_secret
    secret = parse_master_secret(given.get_secret_value()) if given else None
    with closing(
        await asyncio.to_thread(Store.open, settings.codes_store.get_secret_value())
    ) as store:
        logger.info("codes are in %s", store.name)
        metrics = CodeMetrics()
        relay_metrics = RelayMetrics(metrics.registry)
        service = CodeService(store, secret=secret, metrics=metrics)
        relay = Relay(settings, store, relay_metrics)
        registrar = Registrar(settings, settings.group, service, relay_metrics)
        app = application({"relay": relay, "registrar": registrar}, metrics.registry)
        await run_until_stopped(
            stop,
            relay.run(),
            registrar.run(),
            _tidy(store, service, relay_metrics),
            serve(app, settings.codes_host, settings.codes_port, "REFTRAIL_CODES_PORT"),
        )
    logger.info("stopped")


async def _tidy(store: Store, service: CodeService, relay_metrics: RelayMetrics) -> None:
    """Note at intervals what time has changed: expired codes, capacity, the outbox's length."""
    while True:
        try:
            await asyncio.to_thread(_tidy_once, store, service, relay_metrics)
        except ExpectedError as error:
            logger.warning("%s", error)
        await asyncio.sleep(_TIDY_EVERY)


def _tidy_once(store: Store, service: CodeService, relay_metrics: RelayMetrics) -> None:
    for expired in service.act_on_all(CodeAct.EXPIRED, Filter(expires_before=now() + 1), _BY):
        logger.info("%d codes expired", len(expired))
    service.note_capacity()
    with store.read() as connection:
        relay_metrics.waiting.set(outbox.how_many_wait(connection))

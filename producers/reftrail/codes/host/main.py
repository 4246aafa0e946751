"""The host of codes: relay, registrar and the pages about them, in one process.

Input: the store, and signups from `conversions`. Output: `codes`, `code-formats`, `code-acts`, and
codes for those who sign up. Guarantee: see `relay` and `registrar`; it may be killed at any time.
"""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from contextlib import closing
from typing import Any, Final

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
from reftrail.hosting.run import run_host
from reftrail.hosting.serving import serve

logger = logging.getLogger(__name__)

_TIDY_EVERY: Final = 15.0
_BY: Final = By(actor="codes", reason="expires_at has passed")


def main() -> None:
    """Run until SIGTERM or SIGINT; anything unexpected ends the process with an exit code not 0."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # What follows from its warnings, which repeat, is said once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    run_host(CodesSettings, run)


async def run(settings: CodesSettings) -> None:
    """Relay, register and answer until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    given = settings.codes_secret
    secret = parse_master_secret(given.get_secret_value()) if given else None
    with closing(
        await asyncio.to_thread(Store.open, settings.codes_store.get_secret_value())
    ) as store:
        logger.info("codes are in %s", store.name)
        metrics = CodeMetrics()
        told = RelayMetrics(metrics.registry)
        service = CodeService(store, secret=secret, metrics=metrics)
        relay = Relay(settings, store, told)
        registrar = Registrar(settings, settings.group, service, told)
        app = application({"relay": relay, "registrar": registrar}, metrics.registry)
        await _until(
            stop,
            relay.run(),
            registrar.run(),
            _tidy(store, service, told),
            serve(app, settings.codes_host, settings.codes_port, "REFTRAIL_CODES_PORT"),
        )
    logger.info("stopped")


async def _until(stop: asyncio.Event, *parts: Coroutine[Any, Any, None]) -> None:
    """Run all parts until told to stop; an error of one ends all, and is raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
    for task in (stopping, *tasks):
        task.cancel()
    await asyncio.wait((stopping, *tasks))
    for task in done - {stopping}:
        task.result()
        raise RuntimeError(f"{task.get_coro()} has ended")


async def _tidy(store: Store, service: CodeService, told: RelayMetrics) -> None:
    """Every now and then, note what time has changed: codes that ran out, room, what waits."""
    while True:
        try:
            await asyncio.to_thread(_tidy_once, store, service, told)
        except ExpectedError as error:
            logger.warning("%s", error)
        await asyncio.sleep(_TIDY_EVERY)


def _tidy_once(store: Store, service: CodeService, told: RelayMetrics) -> None:
    for expired in service.act_on_all(CodeAct.EXPIRED, Filter(expires_before=now() + 1), _BY):
        logger.info("%d codes ran out", len(expired))
    service.note_room()
    with store.read() as connection:
        told.waiting.set(outbox.how_many_wait(connection))

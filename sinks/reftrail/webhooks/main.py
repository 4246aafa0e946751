"""Composition root of webhooks: settings, the store, the couriers and the HTTP server.

Input: every public topic. Output: signed requests to receivers. Guarantee: each record of a
webhook's topics is sent until its receiver answers 2xx or its time is up, which is listed.
"""

import logging
from contextlib import ExitStack

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.times import now
from reftrail.hosting.run import run_host, run_in_thread, run_until_stopped, stop_on_signals
from reftrail.hosting.schedule import Schedule
from reftrail.hosting.serving import serve
from reftrail.hosting.sqlite_file import locked
from reftrail.webhooks.courier import Means
from reftrail.webhooks.dispatch import Dispatcher
from reftrail.webhooks.http import application
from reftrail.webhooks.metrics import WebhooksMetrics
from reftrail.webhooks.sender import Sender
from reftrail.webhooks.settings import WebhooksSettings
from reftrail.webhooks.store import WebhookStore

_log = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT; an unexpected error ends the process with a traceback."""
    run_host(WebhooksSettings, run, quiet={"kafka": logging.ERROR, "httpcore": logging.ERROR})


async def run(settings: WebhooksSettings) -> None:
    """Send and answer until asked to stop."""
    stop = stop_on_signals()
    metrics = WebhooksMetrics()
    with ExitStack() as closing:
        store = WebhookStore.open(settings.webhooks_store)
        closing.callback(store.close)
        try:
            closing.enter_context(locked(settings.webhooks_store))
        except BlockingIOError as error:
            raise ExpectedError(
                f"another process sends the webhooks of {settings.webhooks_store}; stop it first"
            ) from error
        store.finish_removing()
        means = Means(
            settings,
            store,
            Sender(settings.allowed_networks, settings.webhooks_timeout_seconds),
            Schedule(
                first=settings.webhooks_retry_first_seconds,
                most=settings.webhooks_retry_most_seconds,
                give_up_after=settings.webhooks_give_up_after_seconds,
            ),
            metrics,
            now,
            settings.webhooks_concurrency,
            settings.webhooks_keep_days,
        )
        host, port = settings.webhooks_host, settings.webhooks_port
        await run_until_stopped(
            stop,
            serve(application(metrics), host, port, "REFTRAIL_WEBHOOKS_PORT"),
            finishing=run_in_thread(Dispatcher(means).run, stop),
        )
    _log.info("stopped")

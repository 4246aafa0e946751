"""The Faust host: group membership, assignment and the web come from Faust, the work is ours.

Input: the topics that the stages read. Output: what they write, their changelogs and the group's
positions, all in one transaction for each turn of a partition. Guarantee: readers of committed
data see the events of every record exactly once, whatever crashes.
"""

import asyncio
import gc
import logging
import os
import sys
import threading
import traceback
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Any, Final, NoReturn, cast

import faust
from aiokafka import TopicPartition
from faust.types import TP
from faust.web import Request, Response, View
from prometheus_client import generate_latest
from starlette.requests import Request as HttpRequest

from reftrail.contracts.errors import ExpectedError
from reftrail.engine import polars_threads  # noqa: F401 - before what imports polars
from reftrail.engine.assignment import Assignment
from reftrail.engine.chunks import Chunk
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.stage import Stage
from reftrail.engine.topology import topology_with
from reftrail.engine.transport import ChunkConsumer, ChunkSchema, ChunkTransport
from reftrail.hosting.health import health_endpoints
from reftrail.hosting.kafka.asynchronous import wait_for_broker
from reftrail.hosting.repeated_messages import quieten
from reftrail.hosting.routes import Endpoint

_log = logging.getLogger(__name__)
_COLLECT_AFTER: Final = 500_000
_SWITCH_SECONDS: Final = 0.0005
_EXIT_EXPECTED: Final = 1
_EXIT_UNEXPECTED: Final = 70  # EX_SOFTWARE of sysexits.h
_EXIT_UNFINISHED: Final = 75  # EX_TEMPFAIL


class WorkerApp(faust.App):
    """A Faust app that is handed chunks, and leaves what it is assigned to an `Assignment`."""

    installation: WorkerSettings
    chunk_records: int
    stop_seconds: float
    work: Assignment

    def _new_transport(self) -> ChunkTransport:
        return ChunkTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: what is kept on disk is the stores' business."""

    async def on_stop(self) -> None:
        """Finish what is under way before Faust takes everything apart."""
        await self.work.close()
        await super().on_stop()

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        try:
            await super()._on_partitions_revoked(revoked)
            await self.work.let_go()
        except Exception as error:  # noqa: BLE001
            die(error)

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        try:
            await super()._on_partitions_assigned(assigned, generation_id)
            if self.should_stop:
                return
            consumer = cast("ChunkConsumer", self.consumer)
            sources = [TopicPartition(at.topic, at.partition) for at in assigned]
            await self.work.let_go()  # in case nothing was revoked
            self.work.begin(sources, consumer.assignor.task, consumer)
        except Exception as error:  # noqa: BLE001
            die(error)


def die(error: BaseException) -> NoReturn:
    """End the process at once: nothing may go on after an error that nobody expected.

    The group then moves the partitions, and the next owner's fence discards what is open.
    """
    is_expected = isinstance(error, ExpectedError)
    reason = str(error) if is_expected else "".join(traceback.format_exception(error))
    _log.critical("this worker ends, because: %s", reason)
    logging.shutdown()
    os._exit(_EXIT_EXPECTED if is_expected else _EXIT_UNEXPECTED)


class _BoundedWorker(faust.Worker):
    """A worker that ends within a time after a request to stop.

    Without a broker, the clients wait for answers as long as it takes: leaving the group, finishing
    a transaction. What is left open then is discarded or finished by the partitions' next owner.
    """

    def _on_sigint(self) -> None:
        self._end_in_time()
        super()._on_sigint()

    def _on_sigterm(self) -> None:
        self._end_in_time()
        super()._on_sigterm()

    def _end_in_time(self) -> None:
        seconds = cast("WorkerApp", self.app).stop_seconds
        timer = threading.Timer(seconds, _end_unfinished, [seconds])
        timer.daemon = True
        timer.start()


def _end_unfinished(seconds: float) -> None:
    _log.critical(
        "this worker ends without having finished: Kafka hasn't answered for %.0f s", seconds
    )
    logging.shutdown()
    os._exit(_EXIT_UNFINISHED)


def create_app(settings: WorkerSettings, topology: tuple[Stage, ...] | None = None) -> WorkerApp:
    """The worker's app, with an agent for each stage and pages for health and metrics.

    Without a topology it is reftrail's, as the settings say.
    """
    topology = topology or topology_with(signup_wait=settings.signup_wait, bounds=settings.bounds)
    servers = settings.bootstrap_servers.replace(",", ";")
    app = WorkerApp(
        settings.group,
        broker=f"kafka://{servers}",
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_host=settings.worker_web_host,
        web_bind=settings.worker_web_host,
        web_port=settings.worker_web_port,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.session_timeout_seconds / 4,
        consumer_max_fetch_size=4 << 20,
        stream_publish_on_commit=False,
        worker_redirect_stdouts=False,
    )
    app.installation = settings
    app.chunk_records = settings.max_batch
    app.stop_seconds = settings.stop_seconds
    metrics = WorkerMetrics()
    app.work = Assignment(settings, topology, metrics, die)
    for stage in topology:
        _add_agent(app, settings.name_of(stage.reads), stage.name)
    _add_pages(app, metrics)
    return app


def _add_agent(app: WorkerApp, topic: str, name: str) -> None:
    source = app.topic(topic, schema=ChunkSchema(key_type=bytes, value_type=bytes))

    async def hand_over(chunks: AsyncIterable[Chunk]) -> None:
        async for event in chunks.events():  # type: ignore[attr-defined]
            message = event.message
            if message.generation_id != app.consumer_generation_id:
                continue  # taken before a rebalance, and fetched again since
            end = app.consumer.highwater(message.tp)
            await app.work.hand_over(message.tp, message.value, end)

    app.agent(source, name=name, concurrency=1)(hand_over)


def _add_pages(app: WorkerApp, metrics: WorkerMetrics) -> None:
    async def readiness() -> Mapping[str, Any]:
        return {
            "ready": app.work.is_ready,
            "partitions": app.work.partitions(),
            "standby": app.work.standby_partitions(),
        }

    for endpoint in health_endpoints(readiness, partial(generate_latest, metrics.registry)):
        app.page(endpoint.path)(page_of(endpoint))


def page_of(endpoint: Endpoint) -> Callable[[View, Request], Awaitable[Response]]:
    """An endpoint that reads nothing of its request, in Faust's web server, which is aiohttp."""

    async def page(view: View, request: Request) -> Response:  # noqa: ARG001
        answer = await endpoint.handler(HttpRequest({"type": "http"}))
        content_type = (answer.media_type or "").partition(";")[0]
        return view.bytes(bytes(answer.body), content_type=content_type, status=answer.status_code)

    return page


def main() -> None:
    """Run one worker until it is stopped. Settings are REFTRAIL_* variables.

    A broker that isn't there yet is waited for, as one that goes away later.
    """
    settings = WorkerSettings.model_validate({})
    # In a loop of its own, since `asyncio.run` would leave Faust none.
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(wait_for_broker(settings))
    try:
        app = create_app(settings)
    except ExpectedError as error:
        die(error)
    run(app)


def run(app: WorkerApp) -> None:
    """Run a worker's app until it is stopped."""
    for client in ("aiokafka", "kafka"):
        logging.getLogger(client).setLevel(logging.WARNING)
    quieten("aiokafka")
    # A batch makes tens of thousands of short-lived objects, none of them in a cycle: at the
    # default of 700 the collector would walk the heap dozens of times for each.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    # The thread that fetches needs the interpreter for moments only, and all else waits for it.
    sys.setswitchinterval(_SWITCH_SECONDS)
    _BoundedWorker(app, loglevel="INFO", redirect_stdouts=False).execute_from_commandline()

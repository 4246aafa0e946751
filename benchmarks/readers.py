"""Reports to many readers while events are loaded.

A warehouse as in `reports.py` is read over HTTP by 16 clients in another process, each of which
asks one report after the other without a pause, every other one of a campaign, of facts that are at
most ten minutes old. Meanwhile clicks, which were encoded beforehand, are loaded through the
loader, as many a second as were asked for or the machine takes, and facts are placed. Says how long
answers took, how old facts were, and whether a count ever fell.

    python benchmarks/readers.py --directory DIRECTORY [--readers 16] [--seconds 120] [--rate 50000]

The directory is that of `reports.py --directory`; what is loaded stays in it.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from clickhouse_connect.driver.client import Client
from reading_clients import KEY, read_reports

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.events import Click
from reftrail.contracts.topics import EVENTS
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import Authorization
from reftrail.engine.chunks import Chunk
from reftrail.hosting.serving import serve
from reftrail.local.ports import free_port
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing
from reftrail.warehouse.http import application
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.progress import LoadedPositions
from reftrail.warehouse.tables import apply_ddl

LOAD: Final = 50_000
"""Events of a load."""
_BEGIN_MS: Final = 1_774_915_200_000
"""2026-03-31, the last day of the warehouse's events."""


@dataclass
class Loading:
    """Clicks of known visitors, in loads of 50,000 through the loader, at most so many a second."""

    client: Client
    progress: LoadedPositions
    rate: int
    loaded: int = 0
    works: Iterator[Work] = field(init=False)
    loader: Loader = field(init=False)

    async def prepare(self, seconds: int) -> None:
        """Encode what can be loaded within this time. Load once, after which all ids are known."""
        ledger = Ledger(self.client)
        at = ledger.positions().get((EVENTS.name, 0))
        begin, loads = at.offset if at else 0, 1 + -(-seconds * self.rate // LOAD)
        self.works = iter([_work(begin + number * LOAD) for number in range(loads)])
        self.loader = Loader(self.client, ledger, _nowhere, WarehouseMetrics())
        await self._load(next(self.works))

    async def run(self) -> None:
        """Load what was prepared."""
        for work in self.works:
            began = time.time()
            await self._load(work)
            self.loaded += LOAD
            await asyncio.sleep(max(0.0, began + LOAD / self.rate - time.time()))

    async def _load(self, work: Work) -> None:
        """as_of is the time at which the last whole load began."""
        began = time.time()
        await self.loader.load([work])
        self.progress.as_of = began


def _work(begin: int) -> Work:
    values: list[bytes | None] = [encode(_click(number)) for number in range(begin, begin + LOAD)]
    places = list(range(begin, begin + LOAD))
    return Work(
        EVENTS,
        (Part(0, Chunk(begin, begin + LOAD, places, [0] * LOAD, [None] * LOAD, values)),),
    )


def _click(number: int) -> Click:
    at, visitor = _BEGIN_MS + number % 86_400_000, number * 7919 % 1_000_000
    code = visitor % 1000
    return Click(
        event_id=f"c-{number}",
        event_time=at,
        received_at=at + 300,
        visitor_id=f"visitor-{visitor}",
        code=f"CODE{code}",
        campaign_id=f"campaign-{code % 10}",
        country="DE",
    )


async def _nowhere(letters: Sequence[DeadLettered]) -> None:
    raise AssertionError(f"nothing should be dead-lettered: {letters}")


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    path, progress = given.directory, LoadedPositions()
    clients = [connect_for_writing(path, None), connect_for_writing(path, None)]
    reading = [connect_for_reading(path, None) for _ in range(2)]
    apply_ddl(clients[0])
    progress.as_of = time.time()
    placer = Placer(clients[1], progress.as_of_text)
    loading = Loading(clients[0], progress, given.rate)
    await loading.prepare(given.seconds)
    await asyncio.to_thread(placer.place)
    port, authorization = free_port(), Authorization(ApiKeys.of(secret=[KEY]))
    app = application(
        reading[0], reading[1], authorization, progress, WarehouseMetrics(), placed=placer
    )
    spawned = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    with spawned as process:
        serving = asyncio.create_task(serve(app, "127.0.0.1", port, "PORT"))
        await _answers(port)
        background = [asyncio.create_task(loading.run()), asyncio.create_task(placer.run())]
        cpu, began = time.process_time(), time.perf_counter()
        found = await asyncio.get_running_loop().run_in_executor(
            process, read_reports, port, given.readers, given.seconds, given.max_age
        )
        cpu, took = time.process_time() - cpu, time.perf_counter() - began
        for task in (*background, serving):
            if task.done():
                task.result()
            task.cancel()
        await asyncio.gather(*background, serving, return_exceptions=True)
    found["loaded_events_per_s"] = round(loading.loaded / took)
    found["warehouse_cpu_s"] = round(cpu, 1)
    return found


async def _answers(port: int) -> None:
    """Wait until the server does."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(100):
            try:
                await client.get("/v1/reports")
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
            else:
                return
    raise AssertionError("the server doesn't answer")


def main() -> None:
    """Measure, print, and fail if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--rate", type=int, default=50_000, help="events a second, at most")
    parser.add_argument("--max-age", type=int, default=600, help="seconds")
    found = asyncio.run(measure(parser.parse_args()))
    print(json.dumps(found, indent=2))
    raise SystemExit(bool(found["wrong"]))


if __name__ == "__main__":
    main()

"""Reports to many readers while events are loaded.

A warehouse as in `reports.py` is read by 16 clients over HTTP, each of which asks one report after
the other, every other one of a campaign, of facts that are at most ten minutes old. Meanwhile
clicks are loaded through the loader, as many a second as were asked for or the machine takes, and
facts are placed. Says how long answers took, how old facts were, and whether a count ever fell.

    python benchmarks/readers.py --directory DIRECTORY [--readers 16] [--seconds 120] [--rate 50000]

The directory is that of `reports.py --directory`; what is loaded stays in it.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from clickhouse_connect.driver.client import Client

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
KEY: Final = "sk"
_BEGIN_MS: Final = 1_774_915_200_000
"""2026-03-31, the last day of the warehouse's events."""
_PERIOD: Final = {"from": "2026-03-02", "to": "2026-04-01"}
_COUNTS: Final = {"funnel": "clicks", "data_quality": "events", "codes": "clicks"}
"""Reports with a count that grows by each load."""
_REPORTS: Final = ("funnel", "codes", "referrers", "campaigns", "rewards", "data_quality")


@dataclass
class Seen:
    """Times of answers in ms, ages of facts in seconds, and what went wrong."""

    times: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: dict[tuple[int, str], int] = field(default_factory=dict)


@dataclass
class Loading:
    """Clicks of known visitors, in loads of 50,000 through the loader, at most so many a second."""

    client: Client
    progress: LoadedPositions
    rate: int
    loaded: int = 0

    async def run(self) -> None:
        """Load until cancelled; as_of is the time at which the last whole load began."""
        ledger = Ledger(self.client)
        loader = Loader(self.client, ledger, _nowhere, WarehouseMetrics())
        at = ledger.positions().get((EVENTS.name, 0))
        begin = at.offset if at else 0
        while True:
            began = time.time()
            works = [await asyncio.to_thread(_work, begin)]
            await loader.load(works)
            self.progress.as_of = began
            self.loaded += LOAD
            begin += LOAD
            await asyncio.sleep(max(0.0, began + LOAD / self.rate - time.time()))


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


def _questions(reader: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Each report in turn, begun with another one by each reader; every other one of a campaign."""
    turn = reader
    while True:
        scope = {"campaign": f"campaign-{turn % 10}"} if (turn + turn // len(_REPORTS)) % 2 else {}
        yield _REPORTS[turn % len(_REPORTS)], _PERIOD | scope
        turn += 1


async def _read(client: httpx.AsyncClient, reader: int, max_age: int, seen: Seen) -> None:
    for name, asked in _questions(reader):
        began = time.perf_counter()
        answer = await client.get(f"/v1/reports/{name}", params=asked | {"max_age": str(max_age)})
        seen.times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != httpx.codes.OK:
            seen.wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")
            continue
        as_of = time.mktime(time.strptime(answer.headers["x-as-of"][:19], "%Y-%m-%dT%H:%M:%S"))
        seen.ages.append(time.time() - (as_of - time.timezone))
        _compare(answer.json()["rows"], reader, name, asked, seen)


def _compare(
    rows: list[dict[str, Any]], reader: int, name: str, asked: dict[str, str], seen: Seen
) -> None:
    """Note a count that fell since this reader asked the same before."""
    if (counted := _COUNTS.get(name)) is None:
        return
    key = reader, f"{name} {asked.get('campaign', '')}"
    total = sum(row[counted] for row in rows)
    if total < seen.counts.get(key, 0):
        seen.wrong.append(f"{key}: {total} after {seen.counts[key]}")
    seen.counts[key] = total


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    path, progress = given.directory, LoadedPositions()
    clients = [connect_for_writing(path, None), connect_for_writing(path, None)]
    reading = [connect_for_reading(path, None) for _ in range(2)]
    apply_ddl(clients[0])
    progress.as_of = time.time()
    placer = Placer(clients[1], progress.as_of_text)
    await asyncio.to_thread(placer.place)
    port, authorization = free_port(), Authorization(ApiKeys.of(secret=[KEY]))
    app = application(
        reading[0], reading[1], authorization, progress, WarehouseMetrics(), placed=placer
    )
    loading, seen = Loading(clients[0], progress, given.rate), Seen()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"authorization": f"Bearer {KEY}"},
        timeout=120,
    ) as client:
        serving = asyncio.create_task(serve(app, "127.0.0.1", port, "PORT"))
        while not await _answers(client):
            await asyncio.sleep(0.1)
        cpu = time.process_time()
        tasks = [asyncio.create_task(loading.run()), asyncio.create_task(placer.run())]
        tasks += [
            asyncio.create_task(_read(client, reader, given.max_age, seen))
            for reader in range(given.readers)
        ]
        done, _ = await asyncio.wait(tasks, timeout=given.seconds)
        cpu = time.process_time() - cpu
        for task in tasks:
            task.cancel()
        serving.cancel()
        await asyncio.gather(*tasks, serving, return_exceptions=True)
    for task in done:
        task.result()
    return {
        "answers": len(seen.times),
        "p50_ms": round(statistics.median(seen.times)),
        "p95_ms": round(statistics.quantiles(seen.times, n=20)[-1]),
        "loaded_events_per_s": round(loading.loaded / given.seconds),
        "cpu_s": round(cpu, 1),
        "oldest_facts_s": round(max(seen.ages), 1),
        "median_age_s": round(statistics.median(seen.ages), 1),
        "wrong": seen.wrong[:10],
    }


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/v1/reports")).is_success
    except httpx.ConnectError:
        return False


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

"""A warehouse that is killed again and again while it loads a log that is made up.

    python -m support.killed_warehouse DIRECTORY

Each start finishes what the kill before has left open, and goes on from there. The last start loads
the rest, and what is stored then is printed, with the number of kills at any moment. The log has
events of three months, many of them twice.

Each start is a process of its own, forked before ClickHouse is loaded: so the imports and the log,
which take longer than all else that it does, are made once.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from random import Random
from typing import Any, Final

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import EVENTS
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.warehouse.clickhouse import connect_for_writing
from reftrail.warehouse.ledger import Ledger, Load
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.tables import apply_ddl
from support.clickhouse import nowhere, part_of
from support.cut_short import CutShort

LOADS: Final = 30
STEPS: Final = [(2, "after"), *((nth, "before") for nth in range(1, 8)), (3, "after"), (6, "after")]
"""Inserts: a load claims, inserts events, inserts duplicates, closes; what was open is inserted and
closed before."""
_ENDS_WITHIN: Final = 240.0
_ROWS: Final = 250
_T0: Final = 1_790_000_000_000


def log() -> list[Click]:
    """The same at each call; of ten events about one has an id that came before.

    A third of those came before under the same kind of key, too, and are duplicates.
    """
    chance = Random(5)
    return [
        Click(
            event_id=f"e{n if chance.random() < 0.9 else chance.randrange(n + 1)}",
            event_time=_T0 + n % 3 * 31 * DAY,
            received_at=_T0 + n,
            visitor_id=f"v{n}",
            code=f"c{n}",
            key_kind=chance.choice([None, "secret", "publishable"]),
        )
        for n in range(LOADS * _ROWS)
    ]


class Killing(CutShort):
    """A client whose process is killed there."""

    def _end(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


async def _load(client: Any, values: list[bytes | None], loading: Connection) -> None:
    ledger = Ledger(client)
    loader = Loader(client, ledger, nowhere, WarehouseMetrics())

    def work(load: Load) -> Work:
        (part,) = load.ranges
        return Work(EVENTS, (part_of(values[part.begin : part.end], part.begin),))

    for load in ledger.unfinished():
        await loader.recover(work(load))
    begin = ledger.positions().get((EVENTS.name, 0), Position(0)).offset
    loading.send("loading")
    for at in range(begin, len(values), _ROWS):
        await loader.load([Work(EVENTS, (part_of(values[at : at + _ROWS], at),))])


def _stored(client: Any) -> dict[str, Any]:
    queries = {
        "events": "SELECT event_id, ifNull(key_kind, ''), code FROM events ORDER BY ALL",
        "duplicates": "SELECT event_id, ifNull(key_kind, ''), code FROM duplicate_events "
        "ORDER BY ALL",
        "rollup": "SELECT code, toStartOfHour(event_time) AS hour, count() FROM events "
        "GROUP BY ALL ORDER BY ALL",
        "added": "SELECT code, toStartOfHour(event_time) AS hour, count() FROM events "
        "GROUP BY ALL ORDER BY ALL SETTINGS optimize_use_projections = 0",
    }
    return {name: client.query(text).result_rows for name, text in queries.items()}


def _run(
    directory: Path, values: list[bytes | None], loading: Connection, nth: int, when: str
) -> None:
    """A process from its start on; it ends before or after its nth insert, unless that is 0."""
    client = connect_for_writing(directory, None)
    apply_ddl(client)
    cut_short = Killing(client, nth, after=when == "after") if nth else client
    asyncio.run(_load(cut_short, values, loading))
    loading.send(json.dumps(_stored(client), default=str))
    client.close()


class _Starts:
    """Starts of the warehouse on one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._values: list[bytes | None] = [encode(event) for event in log()]

    def start(self, nth: int = 0, when: str = "") -> tuple[ForkProcess, Connection]:
        context = multiprocessing.get_context("fork")
        loading, its_loading = context.Pipe(duplex=False)
        arguments = (self._directory, self._values, its_loading, nth, when)
        process = context.Process(target=_run, args=arguments, daemon=True)
        process.start()
        its_loading.close()
        return process, loading

    def killed_at(self, nth: int, when: str) -> None:
        process, _ = self.start(nth, when)
        process.join(_ENDS_WITHIN)
        assert process.exitcode == -signal.SIGKILL, (nth, when, process.exitcode)

    def killed_after(self, seconds: float) -> bool:
        """Whether it was killed while it loaded, and had not ended before."""
        process, loading = self.start()
        loading.recv()
        time.sleep(seconds)
        process.kill()
        process.join(_ENDS_WITHIN)
        return process.exitcode == -signal.SIGKILL

    def finished(self) -> dict[str, Any]:
        process, loading = self.start()
        loading.recv()
        found: dict[str, Any] = json.loads(loading.recv())
        process.join(_ENDS_WITHIN)
        assert process.exitcode == 0, process.exitcode
        return found


def main(directory: str) -> None:
    starts = _Starts(Path(directory))
    for nth, when in STEPS:
        starts.killed_at(nth, when)
    chance = Random(1)
    kills = sum(starts.killed_after(chance.random() * 0.2) for _ in range(3))
    print(json.dumps({"kills": kills, **starts.finished()}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])

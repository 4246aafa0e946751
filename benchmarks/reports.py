"""Duration of each report over a full warehouse.

The facts are made up within ClickHouse (`reports_data.py`): 50 million events of a million
visitors, 200,000 users and a million rewards, under 1,000 codes of 10 campaigns, over 90 days; of
fewer events everything has its share. Each report is asked for 30 days, of one campaign and of all:
of placed facts, without kept answers, and once of the views. Then a user's page, and the funnel as
it was asked once: with FINAL over events ordered by their id, joined with codes (`--without-final`
leaves it out). One question at a time. Also memory, which has that of filling in it where the
directory was empty.

    make bench-reports [EVENTS=5000000] [ARGS="--directory DIRECTORY"]
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from reports_data import Size, fill
from rich.console import Console
from rich.table import Table

from reftrail.local.interrupts import interrupt_on_signals
from reftrail.reports.catalogue import ask, catalogue
from reftrail.reports.parameters import asked
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question
from reftrail.reports.report_files import Report
from reftrail.reports.user_view.history import page
from reftrail.reports.user_view.view import user_view
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.tables import apply_ddl

OUT: Final = Path(__file__).parent.parent / "build" / "bench-reports.json"
PERIOD: Final = {"from": ["2026-02-15"], "to": ["2026-03-17"]}
TWELVE_WEEKS: Final = {"from": ["2025-12-22"], "to": ["2026-03-17"]}
_USERS: Final = 40

_PARTS: Final = ("p50_ms", "p95_ms", "cpu_ms")

# The events as they were stored before, and the funnel's part of them.
_FORMER: Final = (
    "DROP TABLE IF EXISTS former_events",
    """
CREATE TABLE former_events ENGINE = ReplacingMergeTree(received_at) ORDER BY event_id
AS SELECT * FROM events
""",
)
_FORMER_FUNNEL: Final = """
SELECT
    coalesce(e.campaign_id, c.campaign_id) AS campaign, countIf(e.type = 'view'),
    countIf(e.type = 'click'), countIf(e.type = 'signup'), countIf(e.type = 'purchase'),
    uniqExactIf(e.visitor_id, e.type = 'click')
FROM (
    SELECT type, event_time, code, campaign_id, visitor_id FROM former_events FINAL WHERE NOT is_bot
) AS e
LEFT JOIN (SELECT code, campaign_id FROM codes FINAL) AS c ON e.code = c.code
WHERE e.event_time >= '2026-02-15' AND e.event_time < '2026-03-17'
GROUP BY campaign
"""
_DISK: Final = """
SELECT
    concat(if(database = currentDatabase(), '', concat(database, '.')), table), sum(bytes_on_disk)
FROM system.parts WHERE active AND startsWith(database, currentDatabase())
GROUP BY 1 HAVING sum(bytes_on_disk) > 1000000 ORDER BY 2 DESC
"""


def main() -> None:
    """Fill a warehouse, ask, print a table, and write build/bench-reports.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--rounds", type=int, default=20, help="times that each report is asked")
    parser.add_argument("--directory", type=Path, help="where the warehouse stays, or is already")
    parser.add_argument("--without-final", action="store_true", help="don't ask as it was once")
    parser.add_argument("--without-views", action="store_true", help="don't ask views")
    given = parser.parse_args()
    interrupt_on_signals()
    with tempfile.TemporaryDirectory() as directory:
        path = given.directory or Path(directory) / "clickhouse"
        figures = measure(
            path,
            Size(given.events),
            given.rounds,
            with_final=not given.without_final,
            with_views=not given.without_views,
        )
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n")
    Console().print(_table(figures), _disk(figures["disk_mb"]))
    print(f"resident memory at most {figures['peak_rss_mb']:,} MB; {_gain(figures)}")
    print(f"written to build/{OUT.name}")


def measure(
    path: Path, size: Size, rounds: int, *, with_final: bool, with_views: bool
) -> dict[str, Any]:
    """All figures of one warehouse, in milliseconds but where a name says otherwise."""
    writing, reading = connect_for_writing(path, None), connect_for_reading(path, None)
    apply_ddl(writing)
    if not writing.query("SELECT count() FROM events").result_rows[0][0]:
        fill(writing, size)
    placer = Placer(writing, lambda: "now")
    began = time.perf_counter()
    placer.place()
    figures: dict[str, Any] = {
        "events": writing.query("SELECT count() FROM events").result_rows[0][0],
        "load_average": round(os.getloadavg()[0], 1),
        "placing_s": round(time.perf_counter() - began, 1),
    }
    facts = placer.facts(reading, 0)
    assert facts is not None
    figures["reports"] = {
        report.name: dict(_figures_of(reading, report, facts, rounds, with_views=with_views))
        for report in catalogue().values()
    }
    figures["user_page"] = _times(_user_pages(reading, size), rounds)
    if with_final:
        for statement in _FORMER:
            writing.command(statement)
        figures["former_funnel"] = _times(lambda: reading.query(_FORMER_FUNNEL).row_count, 3)
        writing.command("DROP TABLE former_events SYNC", settings={"max_table_size_to_drop": 0})
    figures["disk_mb"] = {
        name: round(size / 1e6, 1) for name, size in reading.query(_DISK).result_rows
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak_rss_mb"] = round(peak / 1024)  # kilobytes on Linux
    return figures


def _figures_of(
    client: Client, report: Report, facts: PlacedFacts, rounds: int, *, with_views: bool
) -> Iterator[tuple[str, dict[str, float]]]:
    for name, filters in (("campaign", {"campaign": ["campaign-3"]}), ("all", {})):
        if not filters.keys() <= {*report.filters}:
            continue
        period = TWELVE_WEEKS if report.is_forecast else PERIOD
        wanted = asked(report, period | filters)
        yield name, _times(_asking(client, report, wanted, facts), rounds)
        if with_views:
            yield f"{name}_of_views", _times(_asking(client, report, wanted, None), 1)


def _asking(
    client: Client, report: Report, wanted: Question, facts: PlacedFacts | None
) -> Callable[[], object]:
    return lambda: ask(client, report, wanted, None, facts)


def _user_pages(client: Client, size: Size) -> Callable[[], object]:
    numbers = iter(range(_USERS * 100))

    def ask_one() -> object:
        number = next(numbers)
        name = f"owner-{number}" if number % 2 else f"user-{number * 37 % size.users}"
        return user_view(client, name, page(None, None))

    return ask_one


def _times(call: Callable[[], object], rounds: int) -> dict[str, float]:
    """Median and 95th percentile of times, and processor time; a first call isn't counted."""
    taken, cpu = [], []
    if rounds > 1:
        call()
    for _ in range(rounds):
        began, cpu_began = time.perf_counter(), time.process_time()
        call()
        taken.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - cpu_began) * 1000)
    p95 = statistics.quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]
    return {
        "p50_ms": round(statistics.median(taken), 1),
        "p95_ms": round(p95, 1),
        "cpu_ms": round(statistics.median(cpu), 1),
    }


def _table(figures: dict[str, Any]) -> Table:
    scopes = (name for scope in ("one", "all") for name in (scope, "p95", "cpu", "of views"))
    table = Table("report", *scopes, title=f"Milliseconds, {figures['events']:,} events")
    for name, found in figures["reports"].items():
        cells = [
            f"{found[part][figure]:,.0f}" if part in found else "-"
            for scope in ("campaign", "all")
            for part, figure in (
                (scope, "p50_ms"),
                (scope, "p95_ms"),
                (scope, "cpu_ms"),
                (f"{scope}_of_views", "p50_ms"),
            )
        ]
        table.add_row(name, *cells)
    for name in ("user_page", "former_funnel"):
        if name in figures:
            table.add_row(name, *(f"{figures[name][part]:,.0f}" for part in _PARTS))
    return table


def _gain(figures: dict[str, Any]) -> str:
    """Ratio of the former query's time to the time of today's report `funnel`, in the same run."""
    if "former_funnel" not in figures:
        return "the funnel wasn't asked as it was once"
    before, now = figures["former_funnel"]["p50_ms"], figures["reports"]["funnel"]["all"]["p50_ms"]
    return f"the funnel of all campaigns {before / now:.1f} times as fast as it was asked once"


def _disk(sizes: dict[str, float]) -> Table:
    table = Table("table", "MB on disk")
    for name, size in sizes.items():
        table.add_row(name, f"{size:,.0f}")
    return table


if __name__ == "__main__":
    main()

"""Runs the shop's clickstream through a local stack, and checks who brought each user.

    make example-ecom

The same table is computed a second time from the clickstream file alone, in SQL. Exit code 1 if
they differ.
"""

import asyncio
import csv
import sys
import time
import tomllib
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import duckdb
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from reftrail.campaigns import read_campaigns
from reftrail.campaigns.apply import apply_campaigns
from reftrail.client import Reftrail
from reftrail.codes.bulk.importing import import_file
from reftrail.codes.bulk.rows import Columns
from reftrail.codes.host.relay import wait_until_sent
from reftrail.codes.model import By
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.contracts.codec import decode_as
from reftrail.contracts.decisions import Attributed
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topics import ATTRIBUTIONS
from reftrail.ingestion import Plan, ingest, read_mapping
from reftrail.local.committed import committed_values
from reftrail.local.demo_observe import report
from reftrail.local.demo_report import funnel_table
from reftrail.local.drain import wait_until_drained
from reftrail.local.stack import Stack, StackSettings

sys.path.insert(0, str(Path(__file__).parents[2]))  # this folder isn't part of the package
from examples.ecom.dataset import dataset
from examples.ecom.prepare import prepare

HERE: Final = Path(__file__).parent
BUILD: Final = HERE.parents[1] / "build" / "ecom"
CONSOLE: Final = Console(highlight=False, soft_wrap=True)


class FirstTouch(NamedTuple):
    """Which code brought a user, and when, in milliseconds since 1970."""

    user_id: str
    code: str
    touch_time: int


def main() -> int:
    """The exit code."""
    clickstream = dataset()
    BUILD.mkdir(parents=True, exist_ok=True)
    prepared = BUILD / "events.csv"
    events = prepare(clickstream, prepared)
    CONSOLE.print(f"{events:,} events prepared from {clickstream.name}")
    with (
        TemporaryDirectory(prefix="reftrail-ecom-") as directory,
        Stack(StackSettings(Path(directory), workers=2, partitions=4), say=CONSOLE.print) as stack,
    ):
        apply_campaigns(stack.installation, read_campaigns(HERE / "campaigns.toml"))
        _import_codes(stack)
        _send(stack, prepared)
        found = asyncio.run(_first_touches(stack))
        CONSOLE.print(funnel_table("Funnel by channel", "channel", _funnel(stack)))
    return _compared(found, _computed(clickstream))


def _import_codes(stack: Stack) -> None:
    """What `reftrail codes import codes.csv` does."""
    with closing(Store.open(stack.ready.codes_store)) as store:
        import_file(
            CodeService(store),
            HERE / "codes.csv",
            Columns(),
            By(actor="example"),
            check_campaigns=lambda _: None,
        )
        wait_until_sent(store, stack.installation)


def _send(stack: Stack, prepared: Path) -> None:
    """What `reftrail ingest build/ecom/events.csv --mapping mapping.toml` does."""
    ready, began = stack.ready, time.monotonic()
    plan = Plan(prepared, prepared.with_suffix(".rejected"), read_mapping(HERE / "mapping.toml"))
    with (
        Reftrail(ready.collector_url, ready.secret_key, own_clock=False) as reftrail,
        Progress() as bar,
    ):
        task = bar.add_task("sending", total=prepared.stat().st_size)
        outcome = ingest(plan, reftrail.send, lambda now: bar.update(task, completed=now.bytes))
    if outcome.rejected:
        raise ExpectedError(f"{outcome.rejected} events were rejected; see {plan.rejected}")
    positions = f"{ready.reports_url}/v1/positions"
    wait_until_drained(stack.installation, ready.group, positions, ready.secret_key)
    seconds = time.monotonic() - began
    CONSOLE.print(f"{outcome.accepted:,} events sent, decided on and stored in {seconds:.1f} s")


async def _first_touches(stack: Stack) -> list[FirstTouch]:
    """What the pipeline decided: the committed records of the topic `attributions`."""
    return sorted(
        [
            FirstTouch(record.user_id, record.code, record.touch_time)
            async for values in committed_values(
                stack.installation, ATTRIBUTIONS, stack.ready.partitions
            )
            for record in (decode_as(Attributed, value) for value in values)
            if record.decisive
        ]
    )


def _funnel(stack: Stack) -> list[dict[str, object]]:
    return report(stack.ready, "funnel", "channel")


def _computed(clickstream: Path) -> list[FirstTouch]:
    """What follows from the clickstream, without reftrail."""
    database = duckdb.connect()
    database.execute("CREATE TABLE windows (channel TEXT, code TEXT, days INTEGER)")
    database.executemany("INSERT INTO windows VALUES (?, ?, ?)", _windows())
    query = (HERE / "first_touch.sql").read_text("utf-8")
    rows = database.execute(query, {"file": str(clickstream)}).fetchall()
    return sorted(FirstTouch(*row) for row in rows)


def _windows() -> list[tuple[str, str, int]]:
    """For each channel its code, and for how many days a touch of it counts."""
    campaigns = tomllib.loads((HERE / "campaigns.toml").read_text("utf-8"))["campaign"]
    days = {
        campaign["campaign_id"]: int(campaign["attribution_window"].split()[0])
        for campaign in campaigns
    }
    with (HERE / "codes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [(row["channel"], row["code"], days[row["campaign_id"]]) for row in rows]


def _compared(found: list[FirstTouch], computed: list[FirstTouch]) -> int:
    """Show both tables and whether they are equal, user by user. The exit code."""
    by_code = [Counter(touch.code for touch in touches) for touches in (found, computed)]
    table = Table("First touch", title_justify="left", box=None, pad_edge=False)
    table.add_column("reftrail", justify="right")
    table.add_column("SQL over the file", justify="right")
    for code in sorted(by_code[0].keys() | by_code[1].keys()):
        table.add_row(code, *(str(counts[code]) for counts in by_code))
    table.add_row("users", str(len(found)), str(len(computed)))
    CONSOLE.print("", table, "")
    if found == computed:
        CONSOLE.print(f"equal: {len(found)} users, each with the same code and time of touch")
        return 0
    for touch in sorted(set(found) ^ set(computed))[:10]:
        CONSOLE.print(f"only {'reftrail' if touch in found else 'SQL'}: {touch}")
    CONSOLE.print(f"different: {len(set(found) ^ set(computed))} lines")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ExpectedError as error:
        sys.exit(f"error: {error}")

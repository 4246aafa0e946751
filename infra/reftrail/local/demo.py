"""The demo: a whole installation for some seconds, a programme played on it, and the proof."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console

from reftrail.contracts.times import now
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS
from reftrail.local.demo_codes import issue_codes
from reftrail.local.demo_observe import observe, report
from reftrail.local.demo_play import Outbox, play
from reftrail.local.demo_progress import Bars
from reftrail.local.demo_report import funnel_table, verdict
from reftrail.local.drain import wait_until_drained
from reftrail.local.stack import Stack, StackSettings
from reftrail.reference import write
from reftrail.simulator import Simulation, compare

_PARTITIONS: Final = 4
_SECONDS_PER_EVENT: Final = 0.002
"""After that the pipeline has stopped rather than that it is slow."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """The number of events, their seed, and the number of workers; keep: stay up then."""

    events: int = 100_000
    seed: int = 1
    workers: int = 2
    keep: bool = False


def run_demo(settings: DemoSettings, console: Console) -> bool:
    """Whether all came out as it ought to. Nothing is left of it, neither processes nor files.

    Raises `ExpectedError` when the stack can't be started or ends before its time, and
    `TimeoutError` when the pipeline doesn't catch up.
    """
    began = time.monotonic()
    simulation = Simulation(settings.seed, settings.events, ends=now())
    outbox = Outbox(simulation)

    def say(line: str) -> None:
        line_with_time = f"{time.monotonic() - began:3.0f} s  {line}"
        console.print(line_with_time, style="dim", highlight=False, soft_wrap=True)

    with _temporary_directory() as directory:
        place = StackSettings(directory, workers=settings.workers, partitions=_PARTITIONS)
        with Stack(place, say=say) as stack:
            say(f"playing a programme of {settings.events:,} events, seed {settings.seed}")
            _play(stack, simulation, outbox, console)
            say("comparing with the truth")
            is_equal = _prove(stack, simulation, console)
            say("done")
            if settings.keep:
                _keep(stack, console)
            else:
                say("stopping")
    return is_equal


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """A directory that is removed, with all that hosts take for temporary and may leave behind."""
    with TemporaryDirectory(prefix="reftrail-demo-") as directory, _environment(TMPDIR=directory):
        yield Path(directory)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _play(stack: Stack, simulation: Simulation, outbox: Outbox, console: Console) -> None:
    """Send everything, and wait until the pipeline is done with it."""
    ready = stack.ready
    write(stack.installation, CAMPAIGNS, simulation.programme.campaigns.values())
    issue_codes(stack, simulation.programme.codes.values())
    patience = 120 + _SECONDS_PER_EVENT * simulation.events
    with Bars(stack, simulation.events, console) as bars:
        asyncio.run(play(outbox, ready.collector_url, ready.secret_key, bars.sent))
        write(stack.installation, ADJUSTMENTS, simulation.adjustments())
        bars.all_sent()
        wait_until_drained(
            stack.installation,
            ready.group,
            f"{ready.reports_url}/v1/positions",
            ready.secret_key,
            timeout=patience,
        )


def _prove(stack: Stack, simulation: Simulation, console: Console) -> bool:
    """Show the reports and what the truth says to them."""
    ready = stack.ready
    for dimension, column in (("campaign", "campaign_id"), ("category", "category")):
        rows = report(ready, "funnel", dimension)
        console.print(funnel_table(f"Funnel by {dimension}", column, rows))
    comparison = compare(simulation.truth, asyncio.run(observe(stack.installation, ready)))
    console.print(verdict(comparison))
    return comparison.is_equal


def _keep(stack: Stack, console: Console) -> None:
    """Stay up until Ctrl-C, or until the stack gives up."""
    ready = stack.ready
    try:
        console.print(
            f"\ncollector   {ready.collector_url}\n"
            f"reports     {ready.reports_url}/v1/reports\n"
            f"Kafka       {ready.bootstrap_servers}\n"
            f"secret key  {ready.secret_key}\n"
            f"ready file  {stack.settings.data_dir / 'ready.json'}\n\n"
            f"Ctrl-C stops it and removes everything.",
            highlight=False,
            soft_wrap=True,
        )
        while stack.failure is None:
            time.sleep(0.2)
    except KeyboardInterrupt:
        return
    raise stack.failure

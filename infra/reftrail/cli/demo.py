"""`reftrail demo`: everything at once, on made-up events whose outcome is known."""

from typing import Annotated

import typer
from rich.console import Console

from reftrail.local.demo import DemoSettings, run_demo
from reftrail.local.interrupts import interrupt_on_signals


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    events: Annotated[int, typer.Option(min=1, help="Distinct events to play.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed plays the same programme.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=4, help="Processes for the stages.")] = 2,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
) -> None:
    """Play a referral programme through a whole installation, and check what comes out.

    Starts Kafka, collector, workers and warehouse in a temporary directory, sends the events over
    HTTP, shows the reports, and compares every attribution and reward with the known truth. Exit
    code 1 if anything differs. Nothing is left running.
    """
    interrupt_on_signals()
    console = Console()
    try:
        is_equal = run_demo(DemoSettings(events, seed, workers, keep), console)
    except KeyboardInterrupt:
        console.print("stopped")
        raise typer.Exit(130) from None
    if not is_equal:
        raise typer.Exit(1)

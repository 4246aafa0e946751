"""The long version: `make crash`, with CRASH_SEED=N to play a failure again."""

import sys
import time
from pathlib import Path
from secrets import randbelow
from shutil import rmtree
from tempfile import mkdtemp
from typing import Annotated

import typer

from crash.experiment import Experiment, carried_out
from crash.outcomes import LIMITS_ON_USERS, reached
from crash.schedule import Plan


def main(
    seed: Annotated[
        int | None, typer.Option(envvar="CRASH_SEED", help="Draws load and kills.")
    ] = None,
    events: Annotated[int, typer.Option(help="How many distinct events are sent.")] = 8_000,
    seconds: Annotated[float, typer.Option(help="For how long.")] = 120.0,
    kills: Annotated[
        int, typer.Option(help="How many hosts are killed, the broker included.")
    ] = 22,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave logs and data where they are.")
    ] = False,
) -> None:
    """Kill hosts under load, then balance the books."""
    began = time.monotonic()
    plan = Plan(randbelow(1_000_000) if seed is None else seed, events, seconds, kills, brokers=1)
    directory = Path(mkdtemp(prefix="reftrail-crash-"))

    def say(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {line}")

    say(f"logs and data in {directory}, removed if all is well")
    report = carried_out(Experiment(plan, directory, say))
    typer.echo(f"\n{report}")
    untried = LIMITS_ON_USERS - reached(report.evidence)
    if untried:
        typer.echo(f"\nnobody was rejected for a full {' or '.join(sorted(untried))}", err=True)
    if report.wrong or untried:
        typer.echo(f"\nplay it again: make crash CRASH_SEED={plan.seed}", err=True)
        sys.exit(1)
    rmtree(directory)


if __name__ == "__main__":
    typer.run(main)

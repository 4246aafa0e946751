"""The long version: `make crash`, with CRASH_SEED="N M" to repeat the runs of these seeds."""

import sys
import time
from functools import partial
from pathlib import Path
from secrets import randbelow
from shutil import rmtree
from tempfile import mkdtemp
from typing import Annotated, Final

import typer
from support.ending import end_at_once_on_sigint

from crash.experiment import Experiment
from crash.outcomes import LIMITS_ON_USERS, reached
from crash.processes import all_processes
from crash.report import carried_out
from crash.schedule import Act, Plan

_RUNS: Final = 2
_ACTS: Final = (
    *[Act.ZOMBIE] * 5,
    *[Act.GUEST] * 3,
    Act.WORKERS_GROUP,
    Act.FULFILMENT_GROUP,
    Act.CODES_GROUP,
    *[Act.POISON] * 3,
    *[Act.TRUNCATION] * 4,
)


def main(
    seed: Annotated[
        list[int] | None,
        typer.Option(envvar="CRASH_SEED", help="Draws load, kills and all else; one for each run."),
    ] = None,
    events: Annotated[int, typer.Option(help="How many distinct events are sent.")] = 12_000,
    seconds: Annotated[float, typer.Option(help="For how long.")] = 240.0,
    kills: Annotated[
        int, typer.Option(help="How many hosts are killed, the broker included.")
    ] = 40,
    *,
    brokers: Annotated[int, typer.Option(help="How many of the kills are the broker's.")] = 1,
    calm: Annotated[bool, typer.Option("--calm", help="Nothing happens beside kills.")] = False,
    spool: Annotated[bool, typer.Option("--spool", help="The collector has a spool.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave logs and data where they are.")
    ] = False,
) -> None:
    """Kill hosts under load, let worse happen, then check the invariants: with two seeds."""
    end_at_once_on_sigint()
    seeds = seed or [randbelow(1_000_000) for _ in range(_RUNS)]
    acts = () if calm else _ACTS
    plans = [
        Plan(
            each,
            events,
            seconds,
            kills,
            brokers=brokers,
            acts=acts,
            cut_short=not calm,
            spool=spool,
        )
        for each in seeds
    ]
    failed = [plan.seed for plan in plans if not _is_well(plan, keep=keep)]
    typer.echo(f"\nseeds {', '.join(map(str, seeds))}: {kills} kills each")
    if failed:
        again = " ".join(map(str, failed))
        typer.echo(f'repeat what failed: make crash CRASH_SEED="{again}"', err=True)
        sys.exit(1)


def _is_well(plan: Plan, *, keep: bool) -> bool:
    """Carry a plan out, and say what was found."""
    began = time.monotonic()
    directory = Path(mkdtemp(prefix="reftrail-crash-"))

    def say(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {line}")

    say(f"logs and data in {directory}, removed if all is well")
    hosts = partial(all_processes, spool=plan.spool)
    report = carried_out(Experiment(plan, directory, say, hosts))
    typer.echo(f"\n{report}\n")
    untried = LIMITS_ON_USERS - reached(report.evidence)
    if untried:
        typer.echo(f"nobody was rejected for a full {' or '.join(sorted(untried))}\n", err=True)
    is_well = not (report.wrong or untried)
    if is_well and not keep:
        rmtree(directory)
    return is_well


if __name__ == "__main__":
    typer.run(main)

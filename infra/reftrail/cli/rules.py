"""`reftrail rules`: whether policies decide as their owners mean them to."""

from pathlib import Path
from typing import Annotated

import typer

from reftrail.scenarios import as_text, read_scenarios


def register(app: typer.Typer) -> None:
    """Add the commands."""
    rules = typer.Typer(help="Whether policies decide as they are meant to.", no_args_is_help=True)
    rules.callback()(_group)
    rules.command("test")(_test)
    app.add_typer(rules, name="rules")


def _group() -> None:
    """Keep `test` a command of its own, though it is the only one."""


def _test(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="TOML with scenarios of campaigns.")
    ],
    show: Annotated[
        bool, typer.Option("--show", help="Show what was found of each scenario, too.")
    ] = False,
) -> None:
    """Play the scenarios in FILE and compare what follows with what they expect."""
    outcomes = [outcome for file in files for outcome in read_scenarios(file).outcomes()]
    typer.echo(as_text(outcomes, show=show))
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(1)

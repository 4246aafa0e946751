"""The `reftrail` command.

Only the module of the subcommand that is asked for is imported, so that none waits for the
libraries of the others.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Final

import typer

from reftrail.cli.errors import say
from reftrail.contracts.errors import ExpectedError

COMMANDS: Final = (
    "up",
    "demo",
    "ingest",
    "report",
    "explain",
    "user",
    "leaderboard",
    "campaigns",
    "rules",
    "codes",
    "lists",
    "reviews",
    "worker",
)


def command_line(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """The command with the given subcommands; each module registers its own."""
    app = typer.Typer(
        name="reftrail",
        help="Who referred whom, what that earns, and the proof of it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    for name in names:
        import_module(f"reftrail.cli.{name}").register(app)
    return app


def main() -> None:
    """Run the command; what a person can put right is said in a sentence, without a traceback."""
    asked = [argument for argument in sys.argv[1:2] if argument in COMMANDS]
    try:
        command_line(asked or COMMANDS)()
    except ExpectedError as error:
        say(error)
        sys.exit(1)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(version("reftrail"))
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and end."
        ),
    ] = False,
) -> None:
    """Options of the command itself."""


if __name__ == "__main__":
    main()

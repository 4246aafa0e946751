"""The `reftrail` command.

Only the module of the subcommand that is asked for is imported, so that none waits for the
libraries of the others.
"""

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Final

import typer

from reftrail.cli.errors import say
from reftrail.contracts.errors import ExpectedError

COMMANDS: Final = {
    "up": "Run the whole of reftrail on this machine, until Ctrl-C.",
    "micro": "Run a collector and the rules in one process, in memory, until Ctrl-C.",
    "demo": "Play a referral programme through a whole installation, and check what comes out.",
    "ingest": "Send the events in FILE. Ends with exit code 1 if any line was rejected.",
    "import": "Take over what PROGRAMME still owes, as credits of the ledger.",
    "report": "Print a report: what was clicked, who was referred, what that earned.",
    "explain": "Show why a user's signup or purchase earned a reward under a code, or why not.",
    "user": "Show a user's balance, what is held, tiers, codes, shipments and history.",
    "leaderboard": "Rank referrers by how many users they brought whose reward counts.",
    "experiment": (
        "Compare the arms of a campaign's experiment: conversion and cost, with intervals."
    ),
    "sql": (
        "Ask the warehouse in SQL: its views are v_events, v_rewards, v_funnel_daily and others."
    ),
    "export": "Write a view of the warehouse as a Parquet or CSV file, whole or for a period.",
    "campaigns": "The rules of campaigns.",
    "rules": "Whether policies decide as they are meant to.",
    "codes": "Referral codes.",
    "keys": "API keys for servers, pages and apps.",
    "lists": "The allow and block lists.",
    "reviews": "Held rewards, and decisions about them.",
    "rewards": "Adjustments of the ledger by hand.",
    "payouts": "Statements of what beneficiaries are due, and their payment.",
    "spool": "Events that a collector keeps on its disk while Kafka is away.",
    "webhooks": "Receivers that get records of topics over HTTP.",
    "worker": "Run the stages of the topology on Kafka. Settings are REFTRAIL_* variables.",
    "warehouse": (
        "Tables of the warehouse, which must be stopped, and who reads them. "
        "Settings are REFTRAIL_* variables."
    ),
}
"""Every subcommand with the first sentence of its help, so that a list of them needs no import."""
_MODULES: Final = {"import": "imports"}
"""Modules of subcommands whose names are words of Python."""


def command_line(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command with the given subcommands; each module registers its own."""
    app = _without_commands()
    for name in names:
        import_module(f"reftrail.cli.{_MODULES.get(name, name)}").register(app)
    return app


def _outline() -> typer.Typer:
    """The command with the names and helps of all subcommands, none of which can be run."""
    app = _without_commands()
    for name, text in COMMANDS.items():
        app.command(name, help=text)(_nothing)
    return app


def _without_commands() -> typer.Typer:
    app = typer.Typer(
        name="reftrail",
        help="Who referred whom, what that earns, and the proof of it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    return app


def _nothing() -> None:
    """Not reached: a subcommand that is named first is imported."""


def main() -> None:
    """Run the command; what a person can put right is said in a sentence, without a traceback."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--"]
    asked = [argument for argument in arguments[:1] if argument in COMMANDS]
    try:
        (command_line(asked) if asked else _outline())()
    except ExpectedError as error:
        say(error)
        sys.exit(1)
    except UnicodeEncodeError as error:
        if (text := _not_utf8(error)) is None:
            raise
        say(ExpectedError(f"{text} is not UTF-8; give text in UTF-8"))
        sys.exit(1)


def _not_utf8(error: UnicodeEncodeError) -> str | None:
    """The given text that is not UTF-8, with signs for its bytes; None if the error is another."""
    given = error.object[error.start : error.end]
    is_undecoded = all("\udc80" <= character <= "\udcff" for character in given)
    around = error.object[max(0, error.start - 20) : error.end + 20]
    return ascii(around.encode("utf-8", "surrogateescape")) if is_undecoded else None


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

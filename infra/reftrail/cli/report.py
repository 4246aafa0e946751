"""`reftrail report`: what the warehouse says."""

import inspect
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
from reftrail.reports.catalogue import catalogue, find
from reftrail.reports.client import ReportsClient
from reftrail.reports.limits import only_first_of
from reftrail.reports.parameters import PARAMETERS, ReportParameter, asked
from reftrail.reports.rendering import NARROW, AnswerFormat, as_csv, as_json, as_table

_PREFIX: Final = "asked_"
"""Prefix of the names of options, since `from` is a word of Python's."""


def register(app: typer.Typer) -> None:
    """Add the command, with an option for each parameter of the catalogue."""

    def report(
        name: Annotated[str, typer.Argument(help=f"One of {', '.join(catalogue())}.")],
        how: Annotated[
            AnswerFormat, typer.Option("--format", help="How to print it.")
        ] = AnswerFormat.TABLE,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
        **given: Any,
    ) -> None:
        """Print a report: what was clicked, who was referred, what that earned."""
        asked_of = find(name)
        wanted = asked(asked_of, dict(_texts(given)))
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            answer = client.report(asked_of, wanted)
        match how:
            case AnswerFormat.JSON:
                typer.echo(as_json(answer))
            case AnswerFormat.CSV:
                typer.echo(as_csv(asked_of, answer), nl=False)
                if answer.only_first is not None:
                    typer.echo(only_first_of(answer.only_first), err=True)
            case AnswerFormat.TABLE:
                width = Console().width if sys.stdout.isatty() else NARROW
                typer.echo(as_table(asked_of, answer, max(width, NARROW)), nl=False)

    own = [
        parameter
        for parameter in inspect.signature(report).parameters.values()
        if parameter.name != "given"
    ]
    rest = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own[1:]]
    options = [own[0], *map(_option, PARAMETERS), *rest]
    vars(report)["__signature__"] = inspect.Signature(options)
    report.__annotations__ = {option.name: option.annotation for option in options}
    app.command()(report)


def _option(parameter: ReportParameter) -> inspect.Parameter:
    """The option of a parameter, as Typer reads a function's."""
    name, several = parameter.name, parameter.takes_several
    usual = f" Default: {parameter.usual}." if parameter.usual else ""
    choices = ", ".join(parameter.choices)
    help_text = f"{parameter.meaning}{usual}" + (f" One of {choices}." if choices else "")
    kind: Any = list[str] | None if several else str | None
    option = typer.Option(f"--{name.replace('_', '-')}", help=help_text)
    return inspect.Parameter(
        f"{_PREFIX}{name}",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, option],
    )


def _texts(given: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The options that were given, each as a list."""
    for name, value in given.items():
        if value:
            yield name.removeprefix(_PREFIX), value if isinstance(value, list) else [value]

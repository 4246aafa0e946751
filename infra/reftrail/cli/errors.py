"""Errors of commands that a person can put right."""

import typer

from reftrail.contracts.errors import ExpectedError


def say(error: ExpectedError) -> None:
    """Write an error to stderr in a sentence, without a traceback."""
    typer.secho("error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(str(error), err=True)

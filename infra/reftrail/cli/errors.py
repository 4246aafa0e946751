"""How a command says what a person can put right."""

import typer

from reftrail.contracts.errors import ExpectedError


def say(error: ExpectedError) -> None:
    """In a sentence on stderr, without a traceback."""
    typer.secho("error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(str(error), err=True)

"""Output of commands as JSON."""

from typing import Annotated, Any, TypeAlias

import msgspec
import typer

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def print_json(found: Any) -> None:
    """Print a value as indented JSON."""
    typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))

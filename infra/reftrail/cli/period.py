"""The options of commands that ask about a time."""

from typing import Annotated, TypeAlias

import typer

Since: TypeAlias = Annotated[
    str | None, typer.Option("--from", help="Date (UTC) or RFC 3339 time, included.")
]
Until: TypeAlias = Annotated[
    str | None, typer.Option("--to", help="Date (UTC) or RFC 3339 time, excluded.")
]

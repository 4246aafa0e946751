"""Actor of commands whose acts are recorded with a name."""

import getpass
import os
from typing import Annotated, TypeAlias

import typer

Actor: TypeAlias = Annotated[
    str | None, typer.Option(help="Who does it; else who is logged in.", envvar="REFTRAIL_ACTOR")
]


def whoever_is_here() -> str:
    """The user of the operating system."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in many containers
        return f"cli:uid-{os.getuid()}"

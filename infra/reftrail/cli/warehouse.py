"""`reftrail warehouse`: its tables, brought up to date or rebuilt from Kafka, and their readers."""

import asyncio
from functools import partial
from typing import Annotated

import typer

from reftrail.hosting.run import run_host
from reftrail.warehouse.analyst_user import analyst_user, create
from reftrail.warehouse.commands import migrate, rebuild
from reftrail.warehouse.settings import ClickHouseSettings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    warehouse = typer.Typer(
        help="Tables of the warehouse, which must be stopped, and who reads them. "
        "Settings are REFTRAIL_* variables.",
        no_args_is_help=True,
    )
    warehouse.command("migrate")(_migrate)
    warehouse.command("rebuild")(_rebuild)
    warehouse.command("analyst")(_analyst)
    app.add_typer(warehouse, name="warehouse")


def _migrate() -> None:
    """Bring the tables and views up to date, as a start would: forward only, safe to repeat."""
    run_host(ClickHouseSettings, partial(migrate, say=typer.echo))


def _rebuild(
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the rebuilt tables in the warehouse's place.")
    ] = False,
) -> None:
    """Load the log again beside the warehouse, and compare every table by its checksum.

    It needs room for a second copy of the warehouse. Without --replace the warehouse is left as
    it is, and the rebuilt tables are dropped.
    """
    run_host(ClickHouseSettings, partial(rebuild, say=typer.echo, replaces=replace))


def _analyst(
    name: Annotated[str, typer.Argument(help="The user's name on the ClickHouse server.")],
    applies: Annotated[
        bool, typer.Option("--apply", help="Make the user on REFTRAIL_CLICKHOUSE_URL.")
    ] = False,
) -> None:
    """A user of the ClickHouse server who can read the warehouse, within limits, and nothing else.

    Prints the SQL, for somebody who may make users, and a new password, which the SQL has as
    its hash. The warehouse goes on meanwhile.
    """

    async def make(settings: ClickHouseSettings) -> None:
        user = analyst_user(settings, name)
        if applies:
            await asyncio.to_thread(create, settings, user)
        else:
            for statement in user.statements:
                typer.echo(f"{statement};")
        typer.echo(f"-- password of {user.name}: {user.password}")

    run_host(ClickHouseSettings, make)

"""`reftrail leaderboard`: who brought the most users."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
from reftrail.cli.json_output import AsJson, print_json
from reftrail.cli.period import Since, Until
from reftrail.reports.client import ReportsClient
from reftrail.reports.leaderboard import USUAL
from reftrail.reports.questions import question


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def leaderboard(
        campaign: Annotated[str, typer.Option(help="Of which campaign; without it, of all.")] = "",
        since: Since = None,
        until: Until = None,
        limit: Annotated[int, typer.Option(min=1, max=1000, help="How many referrers.")] = USUAL,
        as_json: AsJson = False,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Rank referrers by how many users they brought whose reward counts."""
        asked = question([], since, until)
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            found = client.leaderboard(campaign, asked, limit)
        if as_json:
            print_json(found)
        elif found:
            Console(markup=False, emoji=False).print(_table(found))
        else:
            typer.echo("nobody has brought anybody yet whose reward counts")


def _table(leaders: list[dict[str, Any]]) -> Table:
    """A table for a narrow terminal: days instead of times, and long ids over several lines."""
    table = Table("rank")
    table.add_column("referrer", overflow="fold")
    for name in ("users", "rewards"):
        table.add_column(name, justify="right")
    table.add_column("tiers, badges", overflow="fold")
    table.add_column("last", no_wrap=True)
    for leader in leaders:
        counts = (str(leader["users"]), str(leader["rewards"]))
        milestones = ", ".join(leader["milestones"]) or "-"
        table.add_row(
            str(leader["rank"]), leader["user_id"], *counts, milestones, leader["last_at"][:10]
        )
    return table

"""`reftrail experiment`: the arms of a campaign's experiment compared."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
from reftrail.cli.json_output import AsJson, print_json
from reftrail.cli.period import Since, Until
from reftrail.reports.client import ReportsClient
from reftrail.reports.questions import question


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def experiment(
        campaign: Annotated[str, typer.Argument(help="The campaign, by its id.")],
        since: Since = None,
        until: Until = None,
        as_json: AsJson = False,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Compare the arms of a campaign's experiment: conversion and cost, with intervals."""
        asked = question([], since, until)
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            found = client.experiment(campaign, asked)
        if as_json:
            print_json(found)
            return
        Console(markup=False, emoji=False).print(_table(found))
        typer.echo(_footer(found))


def _table(found: dict[str, Any]) -> Table:
    """Arms side by side, a line for each figure, so that it fits into a narrow terminal."""
    table = Table("")
    arms = found["arms"]
    for arm in arms:
        table.add_column(arm["arm"], justify="right", overflow="fold")
    units = {arm["arm"]: arm for arm in found["split"]["arms"]}
    of = f"{found['by']}s"
    table.add_row(of, *(str(units[arm["arm"]]["units"]) for arm in arms))
    table.add_row(f"{of} expected", *(f"{units[arm['arm']]['expected']:.0f}" for arm in arms))
    for name in ("visitors", "visitors_signed_up", "visitors_qualified", "signups", "qualified"):
        table.add_row(name.replace("_", " "), *(str(arm[name]) for arm in arms))
    for name in ("signup_rate", "qualified_rate"):
        table.add_row(name.replace("_", " "), *(_percent(arm[name]) for arm in arms))
        apart = (_percent(arm[f"{name}_difference"], sign="+") for arm in arms)
        table.add_row("  difference", *apart)
    costs = (
        ", ".join(f"{cost['cost']} {cost['currency']}" for cost in arm["costs"]) for arm in arms
    )
    table.add_row("cost", *(text or "-" for text in costs))
    return table


def _footer(found: dict[str, Any]) -> str:
    lines = ["Intervals are at 95 %, differences are to the first arm."]
    if found["by"] == "code":
        lines.append("Codes are assigned, not visitors: the intervals are too narrow.")
    if found["split"]["warning"]:
        lines.append(f"WARNING: {found['split']['warning']}")
    return "\n".join(lines)


def _percent(interval: dict[str, float] | None, sign: str = "") -> str:
    """An estimate in percent with its bounds."""
    if interval is None:
        return "-"
    estimate, low, high = (
        f"{100 * interval[name]:{sign}.2f}" for name in ("estimate", "low", "high")
    )
    return f"{estimate} ({low} to {high})"

"""`reftrail user`: what one user has earned."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
from reftrail.cli.json_output import AsJson, print_json
from reftrail.reports.client import ReportsClient
from reftrail.reports.user_view.history import USUAL


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def user(
        user_id: Annotated[str, typer.Argument(metavar="ID", help="The user.")],
        limit: Annotated[
            int, typer.Option(min=1, max=1000, help="How many entries of the history.")
        ] = USUAL,
        before: Annotated[
            str | None, typer.Option(help="Those before: what an earlier answer says as next.")
        ] = None,
        as_json: AsJson = False,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Show a user's balance, what is held, tiers, codes, shipments and history."""
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            found = client.user(user_id, limit, before)
        if as_json:
            print_json(found)
        else:
            typer.echo("\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """The view in lines of a terminal; what there is nothing of is left out."""
    yield f"User {found['user_id']}"
    for balance in found["balance"]:
        held = f", {balance['pending']} held" if balance["rewards_held"] else ""
        owed = f", {balance['to_collect']} to collect" if _is_owed(balance["to_collect"]) else ""
        yield f"  {balance['balance']} {balance['currency']} {balance['kind']}{held}{owed}"
    if not found["balance"]:
        yield "  has earned nothing"
    if last := found["last_earned"]:
        yield f"  last earned {last['value']} {last['currency']} at {last['at']}"
    for campaign in found["standing"]:
        yield _standing(campaign)
    for code in found["codes"]:
        yield (
            f"  code {code['code']} ({code['status']}): {code['attributed']} attributed, "
            f"{code['rewards_granted']} rewards granted, {code['rewards_held']} held"
        )
    for shipment in found["shipments"]:
        sent = (
            f", {shipment['carrier']} {shipment['tracking_number']}" if shipment["carrier"] else ""
        )
        yield f"  shipment {shipment['item']}: {shipment['status']}{sent}"
    for statement in found["statements"]:
        status = statement["carried_over"] or statement["status"]
        period = f"{statement['from'][:10]}..{statement['until'][:10]}"
        yield f"  statement {period}: {statement['amount']} {statement['currency']} {status}"
    for entry in found["history"]:
        reasons = f" ({', '.join(entry['reasons'])})" if entry["reasons"] else ""
        yield (
            f"  {entry['at']}  {entry['status']:<9} {entry['effect']:>10} {entry['currency']} "
            f"{entry['role']} {entry['code']} {entry['user_id']}{reasons}"
        )
    if found["next"]:
        yield f"  more with: --before {found['next']}"


def _is_owed(amount: str) -> bool:
    """Whether a decimal amount is more than nothing."""
    return bool(amount.strip("0."))


def _standing(campaign: dict[str, Any]) -> str:
    parts = [f"{campaign['grants']} rewards count", f"tier {campaign['tier'] or '-'}"]
    if campaign["badges"]:
        parts.append(f"badges {', '.join(campaign['badges'])}")
    if following := campaign["next"]:
        parts.append(f"{following['missing']} more for {following['name']}")
    return f"  campaign {campaign['campaign_id']}: {'; '.join(parts)}"

"""`reftrail user`: what one user has earned."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
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
        as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Show a user's balance, what is held, tiers, codes, shipments and history."""
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            found = client.user(user_id, limit, before)
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        else:
            typer.echo("\n".join(_told(found)))


def _told(found: dict[str, Any]) -> Iterator[str]:
    """In lines of a terminal; what there is nothing of is left out."""
    yield f"User {found['user_id']}"
    for one in found["balance"]:
        held = f", {one['pending']} held" if one["rewards_held"] else ""
        owed = f", {one['to_collect']} to collect" if _is_owed(one["to_collect"]) else ""
        yield f"  {one['balance']} {one['currency']} {one['kind']}{held}{owed}"
    if not found["balance"]:
        yield "  has earned nothing"
    if last := found["last_earned"]:
        yield f"  last earned {last['value']} {last['currency']} at {last['at']}"
    for one in found["standing"]:
        yield _standing(one)
    for one in found["codes"]:
        yield (
            f"  code {one['code']} ({one['status']}): {one['attributed']} attributed, "
            f"{one['rewards_granted']} rewards granted, {one['rewards_held']} held"
        )
    for one in found["shipments"]:
        sent = f", {one['carrier']} {one['tracking_number']}" if one["carrier"] else ""
        yield f"  shipment {one['item']}: {one['status']}{sent}"
    for one in found["history"]:
        reasons = f" ({', '.join(one['reasons'])})" if one["reasons"] else ""
        yield (
            f"  {one['at']}  {one['status']:<9} {one['effect']:>10} {one['currency']} "
            f"{one['role']} {one['code']} {one['user_id']}{reasons}"
        )
    if found["next"]:
        yield f"  more with: --before {found['next']}"


def _is_owed(amount: str) -> bool:
    """Whether a decimal amount is more than nothing."""
    return bool(amount.strip("0."))


def _standing(one: dict[str, Any]) -> str:
    parts = [f"{one['grants']} rewards count", f"tier {one['tier'] or '-'}"]
    if one["badges"]:
        parts.append(f"badges {', '.join(one['badges'])}")
    if following := one["next"]:
        parts.append(f"{following['missing']} more for {following['name']}")
    return f"  campaign {one['campaign_id']}: {'; '.join(parts)}"

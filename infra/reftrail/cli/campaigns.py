"""`reftrail campaigns`: the rules of campaigns, applied from files and shown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from reftrail.campaigns import apply_campaigns, defined_campaigns, read_campaigns
from reftrail.campaigns.definition import rules_of
from reftrail.campaigns.units import duration_text, money_text
from reftrail.cli.connection import BootstrapServers, ReadyFile, TopicPrefix
from reftrail.cli.installation import installation_at
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Millis


def register(app: typer.Typer) -> None:
    """Add the commands."""
    campaigns = typer.Typer(help="The rules of campaigns.", no_args_is_help=True)
    campaigns.command("apply")(_apply)
    campaigns.command("list")(_list)
    campaigns.command("show")(_show)
    app.add_typer(campaigns, name="campaigns")


def _apply(
    file: Annotated[Path, typer.Argument(help="TOML with [[campaign]] tables.")],
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Write a new version of each campaign in FILE whose rules have changed."""
    campaigns = read_campaigns(file)
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    for applied in apply_campaigns(installation, campaigns):
        defined = applied.defined
        what = "version" if applied.written else "unchanged, version"
        typer.echo(
            f"{defined.campaign_id}: {what} {defined.version}, "
            f"in force from {_time(defined.effective_from)}"
        )


def _list(
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """List the campaigns, each with its last version."""
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    last = {defined.campaign_id: defined for defined in defined_campaigns(installation)}
    table = Table("campaign", "version", "in force from", "name", "trigger", "referrer", "referee")
    for defined in last.values():
        table.add_row(
            defined.campaign_id,
            str(defined.version),
            _time(defined.effective_from),
            defined.name,
            defined.trigger,
            f"{money_text(defined.referrer_reward_micros)} {defined.reward_currency}",
            f"{money_text(defined.referee_reward_micros)} {defined.reward_currency}",
        )
    Console().print(table)


def _show(
    campaign_id: Annotated[str, typer.Argument(metavar="CAMPAIGN")],
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show every version of a campaign."""
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    versions = defined_campaigns(installation, campaign_id)
    if not versions:
        raise ExpectedError(f"there is no campaign {campaign_id}; see: reftrail campaigns list")
    for defined in versions:
        typer.echo(f"{campaign_id} version {defined.version}")
        typer.echo(f"  in force from: {_time(defined.effective_from)}")
        for field, value in rules_of(defined).items():
            typer.echo(f"  {_said(field, value)}")


def _said(field: str, value: Any) -> str:
    """A rule in the words of the file."""
    if field.endswith("_ms"):
        return f"{field.removesuffix('_ms')}: {duration_text(value)}"
    if field.endswith("_micros"):
        return f"{field.removesuffix('_micros')}: {money_text(value)}"
    if field.endswith("_at"):
        return f"{field}: {'-' if value is None else _time(value)}"
    return f"{field}: {'-' if value is None else value}"


def _time(at: Millis) -> str:
    if at == 0:
        return "always"
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", "seconds")

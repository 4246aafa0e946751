"""`reftrail campaigns`: the rules of campaigns, applied from files, compared and shown."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from reftrail.campaigns import (
    Around,
    CampaignFile,
    ChangedSetting,
    as_toml,
    campaign_file,
    differences,
    lint,
    next_version,
    time_said,
)
from reftrail.campaigns.apply import apply_campaigns, defined_campaigns
from reftrail.campaigns.findings import REFUND_WINDOW
from reftrail.campaigns.reward_text import side_text
from reftrail.campaigns.units import duration_text, parse_duration
from reftrail.cli.connection import BootstrapServers, ReadyFile, TopicPrefix
from reftrail.cli.installation import installation_at
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.side_rules import RewardValue
from reftrail.contracts.times import now

_File: TypeAlias = Annotated[
    Path, typer.Argument(help="TOML with a [campaign] table, or several [[campaign]] tables.")
]
_Campaign: TypeAlias = Annotated[str, typer.Argument(metavar="CAMPAIGN")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    campaigns = typer.Typer(help="The rules of campaigns.", no_args_is_help=True)
    campaigns.command("apply")(_apply)
    campaigns.command("diff")(_diff)
    campaigns.command("lint")(_lint)
    campaigns.command("list")(_list)
    campaigns.command("show")(_show)
    app.add_typer(campaigns, name="campaigns")


def _apply(
    file: _File,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what.")] = False,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Write a new version of each campaign in FILE whose rules have changed."""
    asked = campaign_file(file)
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    _warn(asked, _versions(installation), REFUND_WINDOW)
    for applied in apply_campaigns(installation, asked.campaigns, dry_run=dry_run):
        defined = applied.defined
        what = "version" if applied.written else "unchanged, version"
        would = "would be " if dry_run and applied.written else ""
        typer.echo(
            f"{defined.campaign_id}: {would}{what} {defined.version}, "
            f"in force from {time_said(defined.effective_from)}"
        )
        if dry_run and applied.written:
            _print(differences(applied.before, defined))


def _diff(
    what: Annotated[
        str,
        typer.Argument(metavar="FILE|CAMPAIGN", help="A file, or the name of an applied campaign."),
    ],
    old: Annotated[
        int | None,
        typer.Option(help="Version to compare with. Default: the last one before.", min=1),
    ] = None,
    new: Annotated[
        int | None, typer.Option(help="Version of CAMPAIGN that is compared; the last.", min=1)
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show setting by setting what FILE would change, or what a version of CAMPAIGN did."""
    file = Path(what)
    asked = campaign_file(file).campaigns if file.suffix == ".toml" or file.exists() else None
    if asked is not None and new is not None:
        raise ExpectedError("--new is a version of an applied campaign; a file is new by itself")
    versions = _versions(installation_at(bootstrap_servers, topic_prefix, ready_file))
    if asked is None:
        known = versions.get(what, [])
        after = _version(what, known, new)
        before = [campaign for campaign in known if campaign.version < after.version]
        _compare(_version(what, known if old else before, old) if old or before else None, after)
        return
    for campaign in asked:
        installed = versions.get(campaign.campaign_id, [])
        last = installed[-1] if installed else None
        after = next_version(campaign, last, now()).defined
        _compare(_version(campaign.campaign_id, installed, old) if old else last, after)


def _lint(
    file: _File,
    applied: Annotated[
        bool, typer.Option("--applied", help="Compare with the versions that are applied.")
    ] = False,
    refund_window: Annotated[
        str, typer.Option(help="How long orders can be sent back.")
    ] = duration_text(REFUND_WINDOW),
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 on warnings.")] = False,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Tell what is wrong in FILE, and what is allowed but probably not meant."""
    try:
        window = parse_duration(refund_window)
    except ValueError:
        raise ExpectedError(
            f'--refund-window is "{refund_window}"; expected a duration such as "14 days"'
        ) from None
    asked = campaign_file(file)
    versions: dict[str, list[CampaignDefined]] = {}
    if applied:
        versions = _versions(installation_at(bootstrap_servers, topic_prefix, ready_file))
    warnings = _warn(asked, versions, window)
    typer.echo(f"campaigns: {len(asked.campaigns)}, warnings: {warnings}")
    if strict and warnings:
        raise typer.Exit(1)


def _list(
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """List the campaigns, each with its last version."""
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    table = Table("campaign", "version", "in force from", "name", "trigger", "referrer", "referee")
    for versions in _versions(installation).values():
        defined = versions[-1]
        policy = policy_in(defined.policy)
        referrer = RewardValue(value_micros=defined.referrer_reward_micros, percent=policy.referrer)
        referee = RewardValue(value_micros=defined.referee_reward_micros, percent=policy.referee)
        table.add_row(
            defined.campaign_id,
            str(defined.version),
            time_said(defined.effective_from),
            defined.name,
            defined.trigger,
            side_text(referrer, policy.referrer_rules, defined.reward_currency),
            side_text(referee, policy.referee_rules, defined.reward_currency),
        )
    Console(markup=False, emoji=False).print(table)


def _show(
    campaign_id: _Campaign,
    version: Annotated[int | None, typer.Option(help="Default: the last one.", min=1)] = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show a version of a campaign as the file that would define it."""
    versions = _versions(installation_at(bootstrap_servers, topic_prefix, ready_file))
    known = versions.get(campaign_id, [])
    defined = _version(campaign_id, known, version)
    for campaign in known:
        here = "  <- this one" if campaign is defined and len(known) > 1 else ""
        since = time_said(campaign.effective_from)
        typer.echo(f"# version {campaign.version}, in force from {since}{here}")
    typer.echo(f"\n{as_toml(defined)}", nl=False)


def _versions(installation: Installation) -> dict[str, list[CampaignDefined]]:
    """All versions of each campaign."""
    found: dict[str, list[CampaignDefined]] = {}
    for defined in defined_campaigns(installation):
        found.setdefault(defined.campaign_id, []).append(defined)
    return found


def _version(
    campaign_id: str, known: list[CampaignDefined], version: int | None
) -> CampaignDefined:
    """A version of a campaign, the last one by default."""
    if not known:
        raise ExpectedError(f"there is no campaign {campaign_id}; see: reftrail campaigns list")
    found = (
        known[-1:]
        if version is None
        else [campaign for campaign in known if campaign.version == version]
    )
    if not found:
        there = ", ".join(str(campaign.version) for campaign in known)
        raise ExpectedError(f"{campaign_id} has no version {version}; there are {there}")
    return found[0]


def _warn(
    asked: CampaignFile, versions: dict[str, list[CampaignDefined]], refund_window: Millis
) -> int:
    """Print the warnings about the campaigns of a file; return how many there are."""
    count = 0
    for number, campaign in enumerate(asked.campaigns):
        around = Around(now(), versions.get(campaign.campaign_id, ()), refund_window)
        for finding in lint(campaign, around):
            fault = asked.fault(number, finding.where, f"{finding.message} [{finding.rule}]")
            typer.secho("warning: ", fg=typer.colors.YELLOW, bold=True, nl=False, err=True)
            typer.echo(str(fault), err=True)
            count += 1
    return count


def _compare(old: CampaignDefined | None, new: CampaignDefined) -> None:
    found = differences(old, new)
    before = f"version {old.version}" if old else "nothing"
    if not found or old is new:
        typer.echo(f"{new.campaign_id}: the same as {before}")
        return
    typer.echo(f"{new.campaign_id}: {before} -> version {new.version}")
    _print(found)


def _print(found: list[ChangedSetting]) -> None:
    width = max(len(version.name) for version in found)
    for version in found:
        change = (
            version.new or "-" if version.old is None else f"{version.old} -> {version.new or '-'}"
        )
        typer.echo(f"  {version.name:{width}}  {change}")

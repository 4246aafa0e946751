"""`reftrail codes`: referral codes registered, shown and revoked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from pydantic import ValidationError

from reftrail.cli.connection import BootstrapServers, ReadyFile, TopicPrefix
from reftrail.cli.installation import installation_at
from reftrail.codes import NewCode, find_code, read_codes, register_codes, revoke_code
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.reference import CodeChanged

_Code = Annotated[str, typer.Argument(metavar="CODE")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    codes = typer.Typer(help="Referral codes.", no_args_is_help=True)
    codes.command("add")(_add)
    codes.command("show")(_show)
    codes.command("revoke")(_revoke)
    app.add_typer(codes, name="codes")


def _add(
    code: Annotated[str | None, typer.Argument(help="A-Z, a-z, 0-9, _ and -.")] = None,
    *,
    from_file: Annotated[
        Path | None,
        typer.Option("--from", help="CSV: code, campaign, owner, category, channel, ..."),
    ] = None,
    owner: Annotated[str | None, typer.Option(help="The user who earns as referrer.")] = None,
    campaign: Annotated[str | None, typer.Option(help="The campaign's id.")] = None,
    category: Annotated[str | None, typer.Option()] = None,
    channel: Annotated[str | None, typer.Option()] = None,
    max_uses: Annotated[int | None, typer.Option(help="How many users may earn by it.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="Such as 2026-01-01T00:00:00Z.")] = None,
    created_at: Annotated[str | None, typer.Option(help="For imports; else now.")] = None,
    notes: Annotated[str | None, typer.Option()] = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Register CODE, or all codes of a CSV file."""
    if (code is None) == (from_file is None):
        raise ExpectedError("give either CODE with --owner and --campaign, or --from FILE.csv")
    given = {
        "code": code,
        "campaign_id": campaign,
        "owner_user_id": owner,
        "category": category,
        "channel": channel,
        "max_uses": max_uses,
        "expires_at": expires_at,
        "created_at": created_at,
        "notes": notes,
    }
    codes = [_new_code(given)] if from_file is None else read_codes(from_file)
    done = register_codes(installation_at(bootstrap_servers, topic_prefix, ready_file), codes)
    typer.echo(f"added {done.added}, unchanged {done.unchanged}")


def _show(
    code: _Code,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show how CODE stands."""
    _print(find_code(installation_at(bootstrap_servers, topic_prefix, ready_file), code))


def _revoke(
    code: _Code,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Revoke CODE: it earns no more."""
    _print(revoke_code(installation_at(bootstrap_servers, topic_prefix, ready_file), code))


def _new_code(given: dict[str, str | int | None]) -> NewCode:
    try:
        return NewCode.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        option = str(fault["loc"][0]).removesuffix("_user_id").removesuffix("_id")
        said = "is needed" if fault["type"] == "missing" else f"is {fault['input']!r}"
        raise ExpectedError(
            f"{'' if option == 'code' else '--'}{option.replace('_', '-')} {said}: {fault['msg']}"
        ) from error


def _print(code: CodeChanged) -> None:
    for field, value in msgspec.structs.asdict(code).items():
        if field in ("event_id", "received_at"):
            continue
        name = "since" if field == "event_time" else field
        is_time = isinstance(value, int) and (name == "since" or name.endswith("_at"))
        said = datetime.fromtimestamp(value / 1000, UTC).isoformat() if is_time else value
        typer.echo(f"{name}: {'-' if said is None else said}")

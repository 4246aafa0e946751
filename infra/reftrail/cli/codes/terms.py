"""`reftrail codes bind`, `change`, `distribute` and `reissue`."""

from functools import partial
from typing import Annotated, Any, Final

import msgspec
import typer

from reftrail.cli.codes import arguments as args
from reftrail.cli.codes.many import OfCampaign, OneCode, Prefix, Yes, one_by_one, which_codes
from reftrail.cli.codes.session import Acting, acting
from reftrail.cli.codes.showing import said
from reftrail.codes.bulk.registered import row_of
from reftrail.codes.model import ActRefused, Changes, Why
from reftrail.contracts.times import now

_CLEARABLE: Final = tuple(field.name for field in msgspec.structs.fields(Changes))


def register(codes: typer.Typer) -> None:
    """Add the commands."""
    codes.command("bind")(_bind)
    codes.command("change")(_change)
    codes.command("distribute")(_distribute)
    codes.command("reissue")(_reissue)


@acting
def _bind(
    session: Acting, code: args.Code, *, owner: args.Owner = None, record: args.RecordOf = None
) -> None:
    """Give CODE its owner, or the record that it belongs to."""
    if owner is None and record is None:
        raise ActRefused(Why.INVALID, "say to what: --owner USER, or --record KIND:ID, or both")
    bound = session.service.bind(
        code, session.by, owner_user_id=owner, record=args.record_of(record)
    ).changed
    to = [f"owner {bound.owner_user_id}"] if bound.owner_user_id else []
    to += [f"{bound.record_kind} {bound.record_id}"] if bound.record_id else []
    typer.echo(f"{bound.code}: bound to {' and '.join(to)}")


@acting
def _change(
    session: Acting,
    code: OneCode = None,
    *,
    category: args.Category = None,
    channel: args.Channel = None,
    channels: args.Channels = None,
    regions: args.Regions = None,
    expires_at: args.ExpiresAt = None,
    max_uses: args.MaxUses = None,
    max_distributes: args.MaxDistributes = None,
    channel_limit: Annotated[
        list[str] | None,
        typer.Option(help="How often through a channel, as mail=3; repeat it."),
    ] = None,
    notes: args.Notes = None,
    clear: Annotated[
        list[str] | None, typer.Option(help=f"Leave empty: {', '.join(_CLEARABLE)}; repeat it.")
    ] = None,
    prefix: Prefix = None,
    campaign: OfCampaign = None,
    yes: Yes = False,
) -> None:
    """Change what was agreed about CODE, or about many; what isn't named stays."""
    which = which_codes(code, prefix, campaign)
    given = {
        "category": category,
        "channel": channel,
        "channels": tuple(channels) if channels else None,
        "regions": tuple(regions) if regions else None,
        "expires_at": args.millis("--expires-at", expires_at),
        "max_uses": max_uses,
        "max_distributes": max_distributes,
        "channel_limits": _limits(channel_limit),
        "notes": notes,
    }
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    changes = Changes(**(found | _emptied(clear)))
    if changes == Changes():
        raise ActRefused(
            Why.INVALID, "say what is to be changed; see: reftrail codes change --help"
        )
    if which is not None:
        one_by_one(
            session,
            "change",
            which,
            lambda of, code: of.service.change(code, of.by, changes),
            yes=yes,
        )
        return
    changed = session.service.change(str(code), session.by, changes)
    now_is = row_of(changed, now()) | {"channel_limits": dict(changed.channel_limits)}
    terms = ", ".join(f"{name} {said(now_is[name])}" for name in (*found, *_emptied(clear)))
    typer.echo(f"{changed.code}: {terms}")


@acting
def _distribute(
    session: Acting,
    code: OneCode = None,
    *,
    channel: Annotated[str | None, typer.Option(help="Through which channel.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How often.")] = 1,
    prefix: Prefix = None,
    campaign: OfCampaign = None,
    yes: Yes = False,
) -> None:
    """Count that CODE was handed out, or many were."""
    which = which_codes(code, prefix, campaign)
    if which is not None:
        one_by_one(
            session,
            "distribute",
            which,
            lambda of, code: of.service.distribute(code, of.by, channel=channel, count=count),
            yes=yes,
        )
        return
    done = session.service.distribute(str(code), session.by, channel=channel, count=count)
    left = done.left_to_distribute
    typer.echo(
        f"{done.code}: distributed {done.distributed:,} times, "
        f"{'without limit' if left is None else f'{left:,} left'}"
    )


@acting
def _reissue(
    session: Acting,
    code: OneCode = None,
    *,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Of the new code; else that of the old one.")
    ] = None,
    prefix: Prefix = None,
    campaign: OfCampaign = None,
    yes: Yes = False,
) -> None:
    """Replace CODE, or many: each by a new one on the same terms; the old one is revoked."""
    which = which_codes(code, prefix, campaign)
    replace = partial(_replace, format_name=format_name)
    if which is None:
        replace(session, str(code))
    else:
        one_by_one(session, "reissue", which, replace, yes=yes)


def _replace(session: Acting, code: str, format_name: str | None) -> None:
    done = session.service.reissue(code, session.by, format_name=format_name)
    typer.echo(f"{done.old.code} -> {done.new.code}")


def _limits(given: list[str] | None) -> dict[str, int] | None:
    if not given:
        return None
    found = args.pairs("--channel-limit", given)
    if wrong := [name for name, limit in found.items() if not limit.isdecimal()]:
        raise ActRefused(
            Why.INVALID, f"--channel-limit {wrong[0]} is {found[wrong[0]]!r}; give a number"
        )
    return {name: int(limit) for name, limit in found.items()}


def _emptied(clear: list[str] | None) -> dict[str, Any]:
    names = [name.replace("-", "_") for name in clear or ()]
    if unknown := [name for name in names if name not in _CLEARABLE]:
        raise ActRefused(Why.INVALID, f"--clear {unknown[0]}: choose of {', '.join(_CLEARABLE)}")
    empty: dict[str, Any] = {"channels": (), "regions": (), "channel_limits": {}}
    return {name: empty.get(name) for name in names}

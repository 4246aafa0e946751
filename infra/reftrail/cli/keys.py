"""`reftrail keys`: API keys for servers, pages and apps."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from reftrail.campaigns import time_said
from reftrail.campaigns.units import parse_duration
from reftrail.cli.codes.session import Acting, Session, acting, asking
from reftrail.cli.json_output import AsJson, print_json
from reftrail.codes.keys import ApiKeyService, MadeKey, WantedKey
from reftrail.contracts.api_keys import ApiKeyChanged, ApiKeyUsed, id_of
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind
from reftrail.contracts.installation import listed
from reftrail.contracts.record import Millis
from reftrail.contracts.times import moment, now
from reftrail.contracts.topics import API_KEY_USES
from reftrail.reference import read_all

_WHOLE: Final = frozenset({"status", "key", "until", "last used"})
"""Columns of the list whose texts stay on one line."""
_NARROWEST: Final = 130
"""Characters of the list's lines at least: in fewer its columns are cut into syllables."""
_SHOWN_ONCE: Final = "shown this once; only its hash is kept"

_Name: TypeAlias = Annotated[str, typer.Argument(help="The key's name, such as shop-server.")]
_Several: TypeAlias = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    keys = typer.Typer(help="API keys for servers, pages and apps.", no_args_is_help=True)
    keys.command("create")(acting(_create))
    keys.command("list")(asking(_list))
    keys.command("rotate")(acting(_rotate))
    keys.command("revoke")(acting(_revoke))
    app.add_typer(keys, name="keys")


def _create(
    session: Acting,
    name: _Name,
    kind: Annotated[KeyKind, typer.Option(help="For servers, or for pages and apps.")],
    scope: Annotated[
        _Several,
        typer.Option(help="Of a secret key: events:write, codes:*, reports:read, ...; repeat it."),
    ] = None,
    origin: Annotated[
        _Several, typer.Option(help="Of a publishable key: https://shop.example; repeat it.")
    ] = None,
    app_id: Annotated[
        _Several, typer.Option(help="Of a publishable key: com.example.shop; repeat it.")
    ] = None,
    campaign: Annotated[
        _Several, typer.Option(help="Of a publishable key: whose codes it may name; repeat it.")
    ] = None,
    lasting: Annotated[
        str | None, typer.Option("--for", help='How long, such as "90 days". Default: for good.')
    ] = None,
) -> None:
    """Make a key NAME, and print it; it is good everywhere within a second."""
    wanted = WantedKey(
        name=name,
        kind=kind,
        scopes=_parts(scope),
        origins=_parts(origin),
        app_ids=_parts(app_id),
        campaigns=tuple(campaign or ()),
        expires_at=None if lasting is None else now() + _duration(lasting),
    )
    _show(ApiKeyService(session.store).create(wanted, session.by))


def _rotate(
    session: Acting,
    name: _Name,
    overlap: Annotated[
        str, typer.Option(help="How long the present key is good beside the new one.")
    ] = "7 days",
) -> None:
    """Print another key for NAME, with the same permissions; both are good for a while."""
    made = ApiKeyService(session.store).rotate(name, _duration(overlap), session.by)
    _show(made)
    until = made.record.previous_until
    assert until is not None
    before = id_of(made.record.previous_hash or "")
    typer.echo(f"the key before it, {before}, is good until {time_said(until)}", err=True)


def _revoke(
    session: Acting,
    name: _Name,
    previous: Annotated[
        bool, typer.Option("--previous", help="Only the key that the last rotation replaced.")
    ] = False,
) -> None:
    """End the key NAME for good."""
    service = ApiKeyService(session.store)
    if previous:
        ended = service.end_previous(name, session.by)
        typer.echo(f"{name}: {id_of(ended.previous_hash or '')} has ended")
        return
    service.revoke(name, session.by)
    typer.echo(f"{name}: revoked")


def _list(session: Session, as_json: AsJson = False) -> None:
    """List all keys: what each may do, until when, and when it was last used.

    Uses are known some 30 s after they happened.
    """
    at = now()
    uses = _uses(session)
    rows = [_row(key, at, uses) for key in ApiKeyService(session.store).listed()]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "kind", "may", "status", "key", "until", "last used", "actor"):
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    for row in rows:
        texts = row["keys"]
        table.add_row(
            row["name"],
            row["kind"],
            "\n".join([*row["scopes"], *row["origins"], *row["app_ids"], *row["campaigns"]]) or "-",
            row["status"],
            "\n".join(text["key_id"] for text in texts),
            *(
                "\n".join(_short(text[name]) for text in texts)
                for name in ("good_until", "last_used")
            ),
            row["actor"],
        )
    width = max(Console().width, _NARROWEST)
    Console(markup=False, emoji=False, width=width).print(table)


def _row(key: ApiKeyChanged, at: Millis, uses: dict[str, Millis]) -> dict[str, Any]:
    hashes = key.hashes_at(at) or [key.hash]
    return {
        "name": key.name,
        "kind": key.kind,
        "status": _status(key, at),
        "scopes": key.scopes,
        "origins": key.origins,
        "app_ids": key.app_ids,
        "campaigns": key.campaigns,
        "created_at": _time(key.created_at),
        "expires_at": _time(key.expires_at),
        "keys": [
            {
                "key_id": id_of(key_hash),
                "is_present": key_hash == key.hash,
                "good_until": _time(key.expires_at if key_hash == key.hash else key.previous_until),
                "last_used": _time(uses.get(id_of(key_hash))),
            }
            for key_hash in hashes
        ],
        "actor": key.actor,
        "reason": key.reason,
    }


def _status(key: ApiKeyChanged, at: Millis) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not key.hashes_at(at):
        return "expired"
    return "rotating" if len(key.hashes_at(at)) > 1 else "active"


def _uses(session: Session) -> dict[str, Millis]:
    """The last use of each key's text at any host; none where Kafka can't be asked."""
    try:
        found = read_all(session.connection.installation, API_KEY_USES, ApiKeyUsed)
    except ExpectedError as error:
        typer.echo(f"last uses are not known: {error}", err=True)
        return {}
    last: dict[str, Millis] = {}
    for used in found:
        last[used.key_id] = max(used.event_time, last.get(used.key_id, 0))
    return last


def _show(made: MadeKey) -> None:
    """The key alone on stdout, so that a script can take it from there."""
    record = made.record
    what = f"{record.kind} key {record.name} ({id_of(record.hash)}), {_SHOWN_ONCE}:"
    typer.echo(what, err=True)
    typer.echo(made.text)


def _parts(given: Iterable[str] | None) -> tuple[str, ...]:
    """Options that were repeated, or have commas between their parts."""
    return tuple(part for text in given or () for part in listed(text))


def _duration(text: str) -> Millis:
    try:
        return parse_duration(text)
    except ValueError:
        raise ExpectedError(f'{text!r} is no duration such as "90 days" or "12 hours"') from None


def _short(time: str | None) -> str:
    """A time of `_time` to the minute."""
    return "-" if time is None else f"{time[:10]} {time[11:16]}Z"


def _time(at: Millis | None) -> str | None:
    return None if at is None else moment(at).isoformat(timespec="seconds")

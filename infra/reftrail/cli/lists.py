"""`reftrail lists`: whom rules let pass, and whom they stop."""

import re
from typing import Annotated, Final, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from reftrail.campaigns import time_said
from reftrail.campaigns.units import parse_duration
from reftrail.cli.actor import Actor, whoever_is_here
from reftrail.cli.connection import BootstrapServers, HashKey, ReadyFile, TopicPrefix, resolve
from reftrail.cli.installation import installation_at
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import Listing
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.edge.pseudonyms import Pseudonyms, parse_hash_key, pseudonyms
from reftrail.lists import (
    HASHED,
    ListEntry,
    Subject,
    entries,
    subject_value,
    told_of_other_keys,
    write_entry,
)

_HASH: Final = re.compile("[0-9a-f]{32}")

_Subject: TypeAlias = Annotated[Subject, typer.Argument(help="What VALUE is.")]
_Value: TypeAlias = Annotated[
    str, typer.Argument(help="As people write it, such as 203.0.113.9; never written raw.")
]
_Hashed: TypeAlias = Annotated[
    bool, typer.Option("--hashed", help="VALUE is a hash already, as evidence shows it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    lists = typer.Typer(help="The allow and block lists.", no_args_is_help=True)
    lists.command("add")(_add)
    lists.command("remove")(_remove)
    lists.command("show")(_show)
    app.add_typer(lists, name="lists")


def _add(
    listing: Annotated[Listing, typer.Argument(help="What is done with whom it names.")],
    subject: _Subject,
    value: _Value,
    lasting: Annotated[
        str | None, typer.Option("--for", help='How long, such as "30 days". Default: for good.')
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is shown with the evidence.")] = None,
    hashed: _Hashed = False,
    hash_key_id: Annotated[
        str | None,
        typer.Option(help="With --hashed: of which key the hash is. Default: of the one here."),
    ] = None,
    actor: Actor = None,
    hash_key: HashKey = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Put VALUE onto the allow or block list, from now on."""
    at, known = now(), _pseudonyms(hash_key, ready_file)
    if hash_key_id is not None and not hashed:
        raise ExpectedError("--hash-key-id says of which key a hash is; give it with --hashed")
    entry = ListEntry(
        subject=subject,
        value=_value(subject, value, hashed, known),
        listing=listing,
        actor=actor or whoever_is_here(),
        expires_at=None if lasting is None else at + _duration(lasting),
        reason=reason,
        hash_key_id=hash_key_id or (None if known is None else known.key_id),
    )
    write_entry(installation_at(bootstrap_servers, topic_prefix, ready_file), entry.record(at))
    until = "" if entry.expires_at is None else f" until {time_said(entry.expires_at)}"
    typer.echo(f"{listing}: {subject} {entry.value}{until}")


def _remove(
    subject: _Subject,
    value: _Value,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    hashed: _Hashed = False,
    actor: Actor = None,
    hash_key: HashKey = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Take VALUE off the list that it is on, from now on."""
    at, known = now(), _pseudonyms(hash_key, ready_file)
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    listed = _value(subject, value, hashed, known)
    of_its_kind = [entry for entry in entries(installation, at) if entry.subject == subject]
    found = next((entry for entry in of_its_kind if entry.value == listed), None)
    if found is None:
        others = None if known is None or hashed else told_of_other_keys(of_its_kind, known.key_id)
        raise ExpectedError(
            f"{subject} {value} is on no list; see: reftrail lists show"
            + ("" if others is None else f". Of {subject}, {others}")
        )
    entry = ListEntry(
        subject=subject,
        value=listed,
        listing=None,
        actor=actor or whoever_is_here(),
        reason=reason,
        hash_key_id=found.hash_key_id,
    )
    write_entry(installation, entry.record(at))
    typer.echo(f"on no list: {subject} {listed}")


def _show(
    subject: Annotated[Subject | None, typer.Argument(help="Only of these.")] = None,
    value: Annotated[str | None, typer.Argument(help="Only this one, as people write it.")] = None,
    hash_key: HashKey = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show what is on the lists now."""
    wanted, known = None, _pseudonyms(hash_key, ready_file)
    if subject is not None and value is not None:
        is_hash = _HASH.fullmatch(value) is not None and subject in HASHED
        wanted = _value(subject, value, is_hash, known)
    listed = entries(installation_at(bootstrap_servers, topic_prefix, ready_file), now())
    of_its_kind = [entry for entry in listed if subject in (None, entry.subject)]
    table = Table("list", "subject", "value", "key", "until", "reason", "by")
    for entry in of_its_kind:
        if wanted in (None, entry.value):
            until = "-" if entry.expires_at is None else time_said(entry.expires_at)
            said = entry.hash_key_id or "-", until, entry.reason or "-", entry.actor
            table.add_row(entry.listing, entry.subject, entry.value, *said)
    Console(markup=False, emoji=False).print(table)
    others = None if known is None else told_of_other_keys(of_its_kind, known.key_id)
    if others is not None:
        typer.echo(others, err=True)


def _value(subject: Subject, value: str, hashed: bool, known: Pseudonyms | None) -> str:
    if not hashed:
        return subject_value(subject, value, known)
    if subject not in HASHED or _HASH.fullmatch(value) is None:
        raise ExpectedError(f"with --hashed give the 32 hex digits of an {', '.join(HASHED)}")
    return value


def _pseudonyms(hash_key: str | None, ready_file: ReadyFile) -> Pseudonyms | None:
    """The collector's; None if its key isn't known here."""
    given = resolve(ready_file, hash_key=hash_key).hash_key
    return None if given is None else pseudonyms(parse_hash_key(given))


def _duration(text: str) -> Millis:
    try:
        return parse_duration(text)
    except ValueError:
        raise ExpectedError(f'--for is "{text}"; give a duration such as "30 days"') from None

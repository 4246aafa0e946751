"""`reftrail codes show`, `list`, `audit` and `verify`: they change nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from reftrail.cli.codes import arguments as args
from reftrail.cli.codes.many import pages
from reftrail.cli.codes.reports import asked
from reftrail.cli.codes.session import Session, asking
from reftrail.cli.codes.showing import Output, print_fields, print_rows, said
from reftrail.codes.answers import Answer
from reftrail.codes.bulk.registered import row_of, write_codes
from reftrail.codes.formats.patterns import Pattern, Reading
from reftrail.codes.formats.selection import Selection
from reftrail.codes.model import ActRefused, Code, Filter, Why
from reftrail.contracts.reference import CodeActed, CodeStatus
from reftrail.contracts.times import moment, now
from reftrail.reports.rendering import AnswerFormat

_LISTED: Final = {
    "code": "code",
    "campaign_id": "campaign",
    "owner_user_id": "owner",
    "status": "status",
    "expires_at": "expires",
    "distributed": "handed out",
    "max_uses": "max uses",
}
_AUDITED: Final = {
    "at": "at",
    "act": "act",
    "actor": "actor",
    "reason": "reason",
    "changed": "what it changed",
}


def register(codes: typer.Typer) -> None:
    """Add the commands."""
    codes.command("show")(_show)
    codes.command("list")(_list)
    codes.command("audit")(_audit)
    codes.command("verify")(_verify)


@asking
def _show(session: Session, code: args.Code, *, output: Output = AnswerFormat.TABLE) -> None:
    """Show the state of CODE, and what has happened under it."""
    found = session.service.find(code)
    if found is None:
        raise ActRefused(Why.NOT_FOUND, _not_registered(session, code))
    row = row_of(found, now())
    row |= {
        "distributed_by_channel": dict(found.distributed_by_channel),
        "channel_limits": dict(found.channel_limits),
        "left_to_distribute": found.left_to_distribute,
    }
    counters = asked(session.connection, lambda reports: reports.counters(found.code)) or {}
    print_fields(row | counters | _uses_left(found, counters), output)


def _uses_left(code: Code, counters: dict[str, Any]) -> dict[str, Any]:
    limit, used = code.changed.max_uses, counters.get("users_rewarded")
    if used is None:
        return {}
    return {"uses_left": None if limit is None else max(limit - used, 0)}


def _not_registered(session: Session, code: str) -> str:
    verified = session.service.verify(code)
    if verified.registered is not None:
        return f"code {code} is written {verified.code}; see: reftrail codes show {verified.code}"
    if verified.sequence is not None:
        return (
            f"code {code} is number {verified.sequence:,} of campaign {verified.campaign_id}'s "
            f"derived codes, and nothing has been done to it yet"
        )
    if verified.answer is not Answer.UNKNOWN:
        return f"code {code} is not registered: {verified.message}"
    return (
        f"code {code} is not registered; register it with: "
        f"reftrail codes add {code} --owner USER --campaign ID"
    )


@asking
def _list(
    session: Session,
    *,
    owner: args.Owner = None,
    campaign: args.Campaign = None,
    prefix: Annotated[str | None, typer.Option(help="What the codes begin with.")] = None,
    status: Annotated[CodeStatus | None, typer.Option()] = None,
    expires_before: args.ExpiresAt = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Written in this format; for --where.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Segments, such as region=US|CA or year=2020-2024; repeat it."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0: all.")] = 100,
    out: Annotated[
        Path | None, typer.Option(help="All of them to a new file: .csv, .jsonl or .parquet.")
    ] = None,
    output: Output = AnswerFormat.TABLE,
) -> None:
    """List codes in alphabetical order."""
    before = args.millis("--expires-before", expires_before)
    which = Filter(
        owner_user_id=owner,
        campaign_id=campaign,
        prefix=prefix,
        status=status,
        expires_before=before,
    )
    found = _selected(session, pages(session, which), format_name, where)
    if out is not None:
        typer.echo(f"{write_codes(out, found, now()):,} codes, in {out}", err=True)
        return
    at = now()
    codes = (code for some in found for code in some)
    count = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal count
        for count, code in enumerate(codes, 1):
            if limit and count > limit:
                return
            yield row_of(code, at)

    print_rows(rows(), output, _LISTED)
    if limit and count > limit:
        typer.echo(
            f"there are more than {limit:,}; --limit 0 shows all, --out writes them", err=True
        )


def _selected(
    session: Session,
    found: Iterator[Sequence[Code]],
    format_name: str | None,
    where: list[str] | None,
) -> Iterator[Sequence[Code]]:
    """The codes of a format with the segments wanted."""
    if format_name is None:
        if where:
            raise ActRefused(
                Why.INVALID, "--where needs --format, which says what the segments are"
            )
        return found
    pattern = pattern_of(session, format_name)
    try:
        selection = Selection.of(pattern, **args.pairs("--where", where))
    except ValueError as error:
        raise ActRefused(Why.INVALID, f"--where: {error}") from error

    def fits(code: Code) -> bool:
        reading = pattern.read(code.code)
        return isinstance(reading, Reading) and selection.takes(reading)

    return ([code for code in some if fits(code)] for some in found)


def pattern_of(session: Session, name: str) -> Pattern:
    """The pattern of a format. Raises `ActRefused` (NOT_FOUND)."""
    formats = {format_.defined.name: format_ for format_ in session.service.formats()}
    if name not in formats:
        known = ", ".join(formats) or "none"
        raise ActRefused(Why.NOT_FOUND, f"there is no format {name} (known: {known})")
    return Pattern.of(formats[name].defined.pattern)


@asking
def _audit(session: Session, code: args.Code, *, output: Output = AnswerFormat.TABLE) -> None:
    """Show what was done to CODE, by whom and why."""
    lines = session.service.audit(code)
    if not lines:
        raise ActRefused(Why.NOT_FOUND, f"nothing was ever done to a code {code}")
    rows = map(_line, lines)
    print_rows(map(_with_changes, rows) if output is AnswerFormat.TABLE else rows, output, _AUDITED)


def _line(acted: CodeActed) -> dict[str, Any]:
    return {
        "at": moment(acted.event_time),
        "code": acted.code,
        "act": acted.act,
        "actor": acted.actor,
        "reason": acted.reason,
        "before": _fields(acted.before),
        "after": _fields(acted.after),
        "batch_id": acted.batch_id,
        "revision": acted.revision,
        "event_id": acted.event_id,
    }


def _fields(text: str | None) -> dict[str, Any]:
    """The fields of an act's result, times as times."""
    found: dict[str, Any] = msgspec.json.decode(text) if text else {}
    return {name: moment(value) if name.endswith("_at") else value for name, value in found.items()}


def _with_changes(row: dict[str, Any]) -> dict[str, Any]:
    before, after = row["before"], row["after"]
    names = dict.fromkeys((*before, *after))
    changes = (f"{name}: {_change(before.get(name), after.get(name))}" for name in names)
    return row | {"changed": "\n".join(changes)}


def _change(before: Any, after: Any) -> str:
    return said(after) if before in (None, {}, []) else f"{said(before)} -> {said(after)}"


@asking
def _verify(
    session: Session,
    text: Annotated[str, typer.Argument(metavar="CODE", help="As a person typed it.")],
    *,
    channel: args.Channel = None,
    region: Annotated[str | None, typer.Option(help="A country, such as DE.")] = None,
    output: Output = AnswerFormat.TABLE,
) -> None:
    """Say whether CODE counts, and if not, why. Ends with exit code 1 if it doesn't."""
    found = session.service.verify(text, channel=channel, region=region, uses=None)
    limit = found.registered.changed.max_uses if found.registered else None
    if limit is not None and found.code is not None:
        found = session.service.verify(
            text, channel=channel, region=region, uses=_uses(session, found.code)
        )
    if output is AnswerFormat.TABLE:
        typer.echo(found.message)
    else:
        names = ("answer", "message", "code", "campaign_id", "position", "expected", "suggestion")
        row = {name: getattr(found, name) for name in (*names, "sequence")}
        print_fields(row, output)
    if not found.is_valid:
        raise typer.Exit(1)


def _uses(session: Session, code: str) -> int | None:
    """The number of users who earned by a code, as far as the reports can be asked."""
    counters = asked(session.connection, lambda reports: reports.counters(code))
    return None if counters is None else int(counters["users_rewarded"])

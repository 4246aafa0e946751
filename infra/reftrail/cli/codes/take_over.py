"""`reftrail codes add` and `import`: codes that exist already."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from reftrail.cli.codes import arguments as args
from reftrail.cli.codes.campaigns import check_campaigns
from reftrail.cli.codes.session import Acting, acting
from reftrail.cli.codes.showing import bar
from reftrail.codes.bulk.files import kind_of, room_for
from reftrail.codes.bulk.importing import ImportReport, import_file
from reftrail.codes.bulk.rows import CodeRow, Columns
from reftrail.codes.model import ActRefused, Why

_SHOWN = 20
"""Lines at fault that are printed; --report has all."""


def register(codes: typer.Typer) -> None:
    """Add the commands."""
    codes.command("add")(_add)
    codes.command("import")(_import)


@acting
def _add(
    session: Acting,
    code: Annotated[str | None, typer.Argument(help="A-Z, a-z, 0-9, _ and -.")] = None,
    *,
    from_file: Annotated[
        Path | None,
        typer.Option("--from", help="A file, as for: reftrail codes import FILE."),
    ] = None,
    owner: args.Owner = None,
    campaign: args.Campaign = None,
    category: args.Category = None,
    channel: args.Channel = None,
    channels: args.Channels = None,
    regions: args.Regions = None,
    max_uses: args.MaxUses = None,
    max_distributes: args.MaxDistributes = None,
    expires_at: args.ExpiresAt = None,
    created_at: Annotated[str | None, typer.Option(help="For imports; else now.")] = None,
    record: args.RecordOf = None,
    notes: args.Notes = None,
) -> None:
    """Register CODE, which exists already, or all codes of a file."""
    if (code is None) == (from_file is None):
        raise ActRefused(
            Why.INVALID, "give either CODE with --owner and --campaign, or --from FILE.csv"
        )
    kind, its_id = args.record_of(record) or (None, None)
    given = {
        "code": code,
        "campaign_id": campaign,
        "owner_user_id": owner,
        "category": category,
        "channel": channel,
        "channels": channels,
        "regions": regions,
        "max_uses": max_uses,
        "max_distributes": max_distributes,
        "expires_at": expires_at,
        "created_at": created_at,
        "record_kind": kind,
        "record_id": its_id,
        "notes": notes,
    }
    if from_file is not None:
        constants = {
            name: str(value)
            for name, value in given.items()
            if isinstance(value, str | int) and name != "code"
        }
        _take_over(session, from_file, Columns(constants=constants), skip=False, report=None)
        return
    row = args.row(CodeRow, given)
    check_campaigns(session.connection, {row.campaign_id})
    done = session.service.register([row.given()], session.by)
    typer.echo(f"added {done.added}, unchanged {done.unchanged}")


@acting
def _import(
    session: Acting,
    file: Annotated[Path, typer.Argument(help=".csv, .jsonl or .parquet.")],
    *,
    column: Annotated[
        list[str] | None,
        typer.Option("--map", help="A field's column, as owner_user_id=customer; repeat it."),
    ] = None,
    constant: Annotated[
        list[str] | None,
        typer.Option("--set", help="For all codes, as campaign=spring; repeat it."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="A column that means nothing here; repeat it.")
    ] = None,
    skip_clashes: Annotated[
        bool, typer.Option("--skip-clashes", help="Take over what doesn't clash.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="A new file for all lines at fault: .csv, .jsonl or .parquet."),
    ] = None,
) -> None:
    """Take over the codes of a file: all, or, if a line is at fault, none."""
    columns = Columns(
        args.pairs("--map", column), args.pairs("--set", constant), frozenset(ignore or ())
    )
    _take_over(session, file, columns, skip=skip_clashes, report=report)


def _take_over(
    session: Acting, file: Path, columns: Columns, *, skip: bool, report: Path | None
) -> None:
    with _room(report) as beside, bar("reading codes", None) as progress:
        done = import_file(
            session.service,
            file,
            columns,
            session.by,
            check_campaigns=lambda wanted: check_campaigns(session.connection, wanted),
            skip=skip,
            read=lambda: progress.advance(progress.task_ids[0]),
        )
        if report is not None and beside is not None:
            done.write(beside, kind_of(report))
    _say(done, file, report)
    if done.faults:
        raise typer.Exit(4)


def _room(report: Path | None) -> AbstractContextManager[Path | None]:
    """The file for the report: checked before anything is taken over."""
    return nullcontext() if report is None else room_for(report)


def _say(done: ImportReport, file: Path, report: Path | None) -> None:
    for fault in done.faults[:_SHOWN]:
        typer.echo(f"{file}, line {fault.line}: {fault.code or 'no code'}: {fault.why}", err=True)
    if (more := len(done.faults) - _SHOWN) > 0:
        where = f"in {report}" if report else "--report FILE.csv has all"
        typer.echo(f"... and {more:,} more; {where}", err=True)
    if done.faults and not done.is_taken_over:
        typer.echo(
            "nothing is taken over; correct these lines, or leave them out with --skip-clashes",
            err=True,
        )
    at_fault = f", at fault {len(done.faults)}" if done.faults else ""
    typer.echo(f"added {done.added}, unchanged {done.unchanged}{at_fault}")

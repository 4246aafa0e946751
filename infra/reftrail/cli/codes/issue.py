"""`reftrail codes issue`: one code, or millions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Annotated

import typer

from reftrail.cli.codes import arguments as args
from reftrail.cli.codes.campaigns import check_campaigns
from reftrail.cli.codes.session import Acting, acting
from reftrail.cli.codes.showing import bar, codes_of
from reftrail.codes.bulk.derived import write_derived
from reftrail.codes.bulk.registered import write_codes
from reftrail.codes.bulk.rows import TermsRow
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.derived.codes import WORST_ODDS
from reftrail.codes.model import ActRefused, Code, DerivedRange, Format, Terms, Why
from reftrail.contracts.reference import FormatKind, FormatStatus
from reftrail.contracts.times import now


@dataclass(frozen=True, slots=True)
class _Derived:
    """The derived codes to issue: so many more, or a range of those there are."""

    count: int
    again: str | None
    worst_odds: float


@acting
def issue(
    session: Acting,
    *,
    campaign: args.Campaign = None,
    count: Annotated[int, typer.Option(min=1, help="How many codes.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="A new file: .csv, .jsonl or .parquet; else printed.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="A format; see: codes format list.")
    ] = None,
    derived: Annotated[
        bool, typer.Option("--derived", help="Codes that follow from the campaign's secret.")
    ] = False,
    chosen: Annotated[str | None, typer.Option(help="A code that a person would like.")] = None,
    value: Annotated[
        list[str] | None,
        typer.Option("--set", help="A structured code's segment, as NAME=VALUE; repeat it."),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(help="Derived codes that are issued already, FIRST-LAST, once more."),
    ] = None,
    worst_odds: Annotated[
        float, typer.Option(min=0, max=1, help="Of a guess at derived codes, at most.")
    ] = WORST_ODDS,
    owner: args.Owner = None,
    category: args.Category = None,
    channel: args.Channel = None,
    channels: args.Channels = None,
    regions: args.Regions = None,
    expires_at: args.ExpiresAt = None,
    max_uses: args.MaxUses = None,
    max_distributes: args.MaxDistributes = None,
    record: args.RecordOf = None,
    notes: args.Notes = None,
) -> None:
    """Issue codes: random ones, unless the format or an option says otherwise.

    Random: --campaign ID [--count N]. Structured: --format NAME --set region=US.
    Derived: --campaign ID --derived --count N. Chosen by a person: --chosen AMY-SMITH.
    """
    if derived or again or _is_derived(session, format_name):
        of = _derived_format(session, format_name, campaign)
        _issue_derived(session, of, _Derived(count, again, worst_odds), out)
        return
    kind, its_id = args.record_of(record) or (None, None)
    given = {
        "campaign_id": campaign,
        "owner_user_id": owner,
        "category": category,
        "channel": channel,
        "channels": channels,
        "regions": regions,
        "expires_at": expires_at,
        "max_uses": max_uses,
        "max_distributes": max_distributes,
        "record_kind": kind,
        "record_id": its_id,
        "notes": notes,
    }
    terms = args.row(TermsRow, given).terms()
    check_campaigns(session.connection, {terms.campaign_id})
    if chosen is not None:
        if count != 1:
            raise ActRefused(Why.INVALID, "--chosen is one code; leave out --count")
        _put_out(iter([[session.service.issue_chosen(chosen, terms, session.by)]]), 1, out)
        return
    _put_out(_drawn(session, terms, count, format_name, value), count, out)


def _drawn(
    session: Acting, terms: Terms, count: int, format_name: str | None, value: list[str] | None
) -> Iterator[Sequence[Code]]:
    values = args.pairs("--set", value)
    if count == 1:
        yield [session.service.issue(terms, session.by, format_name=format_name, **values)]
        return
    yield from session.service.issue_each(
        repeat(terms, count), session.by, format_name=format_name, **values
    )


def _put_out(codes: Iterator[Sequence[Code]], count: int, out: Path | None) -> None:
    with bar("issuing codes", count) as progress:
        advance = partial(progress.advance, progress.task_ids[0])
        if out is None:
            for some in codes:
                typer.echo("\n".join(code.code for code in some))
                advance(len(some))
            return
        issued = write_codes(out, codes, now(), advance)
    typer.echo(f"{codes_of(issued)} issued, in {out}", err=True)


def _issue_derived(session: Acting, of: Format, asked: _Derived, out: Path | None) -> None:
    name = of.defined.name

    def codes() -> tuple[DerivedCodes, DerivedRange]:
        if asked.again is not None:
            return session.service.derived_codes(name), _issued_before(of, asked.again)
        issued = session.service.issue_derived(
            name, asked.count, session.by, worst_odds=asked.worst_odds
        )
        return session.service.derived_codes(name), issued

    if out is None:
        made, issued = codes()
        for batch in made.batches(issued.first, issued.last):
            typer.echo("\n".join(batch))
    else:
        with bar("writing codes", None if asked.again else asked.count) as progress:
            issued = write_derived(out, codes, partial(progress.advance, progress.task_ids[0]))
    what = "written again" if asked.again else "issued"
    where = f", in {out}" if out else ""
    count = issued.last - issued.first + 1
    typer.echo(
        f"{codes_of(count)} {what}, numbers {issued.first:,} to {issued.last:,} of campaign "
        f"{issued.campaign_id}{where}",
        err=True,
    )


def _issued_before(of: Format, again: str) -> DerivedRange:
    first, _, last = again.partition("-")
    count = of.defined.count
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= count):
        raise ActRefused(
            Why.INVALID,
            f"--again is {again!r}; format {of.defined.name} has codes 1-{count}, give FIRST-LAST",
        )
    campaign = str(of.defined.campaign_id)
    return DerivedRange(of.defined.name, campaign, int(first), int(last), batch_id="")


def _is_derived(session: Acting, name: str | None) -> bool:
    if name is None:
        return False
    kinds = (
        format_.defined.kind
        for format_ in session.service.formats()
        if format_.defined.name == name
    )
    return next(kinds, None) == FormatKind.DERIVED


def _derived_format(session: Acting, name: str | None, campaign: str | None) -> Format:
    """The derived format of this name, else the only one of the campaign."""
    formats = [
        format_
        for format_ in session.service.formats()
        if format_.defined.kind == FormatKind.DERIVED
    ]
    if name is not None:
        formats = [format_ for format_ in formats if format_.defined.name == name]
    elif campaign is not None:
        formats = [
            format_
            for format_ in formats
            if format_.defined.campaign_id == campaign
            and format_.defined.status == FormatStatus.ACTIVE
        ]
    else:
        raise ActRefused(Why.INVALID, "say which codes: --campaign ID, or --format NAME")
    of = f"format {name}" if name else f"campaign {campaign}"
    if campaign is not None and name is not None:
        formats = [format_ for format_ in formats if format_.defined.campaign_id == campaign]
        of += f" of campaign {campaign}"
    if not formats:
        raise ActRefused(
            Why.NOT_FOUND,
            f"there are no derived codes of {of}; define a format: reftrail codes format define "
            f"NAME --derived --campaign {campaign or 'ID'} --pattern 'SPR{{body:8}}{{check}}'",
        )
    if len(formats) > 1:
        names = ", ".join(format_.defined.name for format_ in formats)
        raise ActRefused(Why.INVALID, f"campaign {campaign} has {names}; choose one with --format")
    return formats[0]

"""Acts on one code, or on all of a prefix or campaign once somebody has agreed."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, TypeAlias

import typer
import uuid_utils

from reftrail.cli.codes.session import Acting, Session
from reftrail.cli.codes.showing import bar, codes_of
from reftrail.codes.model import ActRefused, Code, Filter, Why

OneCode: TypeAlias = Annotated[str | None, typer.Argument(metavar="[CODE]")]
Prefix: TypeAlias = Annotated[str | None, typer.Option(help="All codes that begin like this.")]
OfCampaign: TypeAlias = Annotated[str | None, typer.Option(help="All codes of this campaign.")]
Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", help="Don't ask before acting on many.")
]

_PAGE = 1_000


def which_codes(code: str | None, prefix: str | None, campaign: str | None) -> Filter | None:
    """The codes meant; None for the one. Raises `ActRefused` if both or neither are given."""
    many = prefix is not None or campaign is not None
    if many == (code is not None):
        raise ActRefused(Why.INVALID, "give either CODE, or --prefix and --campaign or one of them")
    return Filter(prefix=prefix, campaign_id=campaign) if many else None


def pages(session: Session, which: Filter) -> Iterator[tuple[Code, ...]]:
    """All codes of a filter, page by page."""
    cursor: str | None = None
    while True:
        page = session.service.page(which, cursor=cursor, limit=_PAGE)
        yield page.codes
        cursor = page.next_cursor
        if cursor is None:
            return


def agree(what: str, count: int, *, yes: bool) -> None:
    """Ask before so many codes are acted on. Ends the command if the answer is no."""
    if yes:
        return
    codes = codes_of(count)
    if not sys.stdin.isatty():
        raise ActRefused(
            Why.INVALID, f"this would {what} {codes}; give --yes to do so without asking"
        )
    typer.confirm(f"{what} {codes}?", abort=True, err=True)


def one_by_one(
    session: Acting, what: str, which: Filter, act: Callable[[Acting, str], object], *, yes: bool
) -> None:
    """An act on each code of a filter, as it is before the first is acted on.

    Says how many it was done to, and to which it wasn't and why, and ends with exit code 1 then.
    """
    found = [code.code for some in pages(session, which) for code in some]
    if not found:
        raise ActRefused(Why.NOT_FOUND, "there are no such codes; see: reftrail codes list")
    agree(what, len(found), yes=yes)
    batch = replace(session, by=replace(session.by, batch_id=str(uuid_utils.uuid7())))
    refused = 0
    with bar(what, len(found)) as progress:
        for code in found:
            try:
                act(batch, code)
            except ActRefused as why:
                refused += 1
                typer.echo(str(why), err=True)
            progress.advance(progress.task_ids[0])
    typer.echo(f"{what}: {len(found) - refused:,} done, {refused:,} refused")
    if refused:
        raise typer.Exit(1)

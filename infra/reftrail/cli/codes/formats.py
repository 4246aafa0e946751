"""`reftrail codes format define`, `list` and `retire`."""

from typing import Annotated, Any, Final

import typer

from reftrail.cli.codes import arguments as args
from reftrail.cli.codes.refusals import CodesGroup
from reftrail.cli.codes.session import Acting, Session, acting, asking
from reftrail.cli.codes.showing import Output, print_rows
from reftrail.codes.formats.patterns import Pattern, right_guess
from reftrail.codes.model import Format, FormatTerms, PerUser
from reftrail.contracts.reference import FormatKind
from reftrail.reports import rendering

_LISTED: Final = {
    "name": "name",
    "kind": "kind",
    "campaign_id": "campaign",
    "status": "status",
    "used": "issued",
    "full": "full",
    "guesses": "guesses",
    "pattern": "pattern",
}
_MANY: Final = 1e6
_Name = Annotated[str, typer.Argument(metavar="NAME")]


def register(codes: typer.Typer) -> None:
    """Add the commands."""
    formats = typer.Typer(
        cls=CodesGroup, help="How codes are written, by prefix.", no_args_is_help=True
    )
    formats.command("define")(_define)
    formats.command("list")(_list)
    formats.command("retire")(_retire)
    codes.add_typer(formats, name="format")


@acting
def _define(
    session: Acting,
    name: _Name,
    *,
    pattern: Annotated[
        str, typer.Option(help="Such as REF{body:9}, or SPR{body:8}{check} for derived codes.")
    ],
    derived: Annotated[
        bool, typer.Option("--derived", help="Its codes follow from the campaign's secret.")
    ] = False,
    campaign: args.Campaign = None,
    category: args.Category = None,
    channel: args.Channel = None,
    per_user: Annotated[
        PerUser, typer.Option(help="How many codes of the campaign a user may have.")
    ] = PerUser.MANY,
    on_signup: Annotated[
        bool, typer.Option("--on-signup", help="Everyone who signs up gets a code of it.")
    ] = False,
) -> None:
    """Define a format, or define it anew."""
    terms = FormatTerms(
        name=name,
        pattern=pattern,
        kind=FormatKind.DERIVED if derived else FormatKind.REGISTERED,
        campaign_id=campaign,
        category=category,
        channel=channel,
        per_user=per_user,
        on_signup=on_signup,
    )
    made = session.service.define_format(terms, session.by)
    typer.echo(f"{name}: {made.defined.pattern}, room for {Pattern.of(pattern).size:,} codes")


@acting
def _retire(session: Acting, name: _Name) -> None:
    """End a format: none is issued any more, nor do derived codes count that nobody has touched."""
    session.service.retire_format(name, session.by)
    typer.echo(f"{name}: retired")


@asking
def _list(session: Session, *, output: Output = rendering.AnswerFormat.TABLE) -> None:
    """List the formats: how full they are, and how often a guess is right."""
    rows = map(_row, session.service.formats())
    if output is rendering.AnswerFormat.TABLE:
        rows = map(_shown, rows)
    print_rows(rows, output, _LISTED)


def _row(of: Format) -> dict[str, Any]:
    """Row of a format; guesses_to_find_one: on average, of those codes that were issued."""
    defined = of.defined
    pattern = Pattern.of(defined.pattern)
    drawn = pattern.random_size
    return {
        "name": defined.name,
        "kind": defined.kind,
        "pattern": defined.pattern,
        "campaign_id": defined.campaign_id,
        "category": defined.category,
        "channel": defined.channel,
        "status": defined.status,
        "per_user": of.per_user,
        "on_signup": of.on_signup,
        "used": of.used,
        "size": pattern.size,
        "share_used": of.used / pattern.size,
        "guesses_to_find_one": 1 / right_guess(drawn, min(of.used, drawn)) if of.used else None,
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    guesses = row["guesses_to_find_one"]
    return row | {
        "full": f"{row['share_used']:.2%}",
        "guesses": "-"
        if guesses is None
        else f"{guesses:,.0f}"
        if guesses < _MANY
        else f"{guesses:.0e}",
    }

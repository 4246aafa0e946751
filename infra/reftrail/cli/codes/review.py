"""`reftrail codes review`: the checklist of every quarter."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from reftrail.cli.codes import arguments as args
from reftrail.cli.codes.many import pages
from reftrail.cli.codes.reports import asked
from reftrail.cli.codes.session import Session, asking
from reftrail.cli.codes.showing import Output, print_rows
from reftrail.codes.model import Filter
from reftrail.codes.review import Concern, Finding, Happened, Thresholds
from reftrail.codes.review import review as findings_of
from reftrail.contracts.times import now
from reftrail.reports.rendering import AnswerFormat

_FIELDS: Final = {
    name: name for name in ("concern", "subject", "campaign_id", "owner_user_id", "why", "figures")
}
_COLUMNS: Final = {
    "subject": "code",
    "campaign_id": "campaign",
    "owner_user_id": "owner",
    "why": "why",
}
_HEADINGS: Final = {
    Concern.EXPIRING: "Expiring: extend them, or tell their owners",
    Concern.UNUSED: "Unused: hand them out, or revoke them",
    Concern.OVERUSED: "At their limits, or nearly: raise the limits, or reissue them",
    Concern.SUSPICIOUS: "Suspicious: look at who used them, suspend them meanwhile",
}
_DEFAULT: Final = Thresholds()


@asking
def review(
    session: Session,
    *,
    days: Annotated[
        int, typer.Option(min=1, help="Expiring within; unused for; guessed at in the last.")
    ] = _DEFAULT.days,
    only: Annotated[list[Concern] | None, typer.Option(help="Only this; repeat it.")] = None,
    campaign: args.Campaign = None,
    prefix: Annotated[str | None, typer.Option(help="What the codes begin with.")] = None,
    near_limit: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a limit from which it is reported.")
    ] = _DEFAULT.near_limit,
    uses_per_distribution: Annotated[
        float,
        typer.Option(
            min=0, max=1e9, help="Uses for each time handed out, from which it is reported."
        ),
    ] = _DEFAULT.uses_per_distribution,
    rejected_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of claims rejected, from which it is reported."),
    ] = _DEFAULT.rejected_share,
    forged: Annotated[
        int, typer.Option(min=1, help="Forged codes under a prefix, from which it is reported.")
    ] = _DEFAULT.forged,
    output: Output = AnswerFormat.TABLE,
) -> None:
    """Print what to look at: codes expiring, unused, at their limits, suspicious; with figures."""
    at = now()
    since = datetime.fromtimestamp(at / 1000, UTC) - timedelta(days=days)
    answer = asked(session.connection, lambda reports: reports.codes_review(since))
    thresholds = Thresholds(
        days=days,
        near_limit=near_limit,
        uses_per_distribution=uses_per_distribution,
        rejected_share=rejected_share,
        forged=forged,
    )
    which = Filter(campaign_id=campaign, prefix=prefix)
    codes = (code for some in pages(session, which) for code in some)
    found = (
        finding
        for finding in findings_of(codes, Happened.of(answer) if answer else None, thresholds, at)
        if not only or finding.concern in only
    )
    if output is not AnswerFormat.TABLE:
        print_rows(map(_row, found), output, _FIELDS)
        return
    _print(list(found), with_use=answer is not None)


def _row(found: Finding) -> dict[str, object]:
    return {name: getattr(found, name) for name in _FIELDS}


def _print(found: list[Finding], *, with_use: bool) -> None:
    """Print the findings by concern, each with what to do about it."""
    for concern, heading in _HEADINGS.items():
        some = [_row(finding) for finding in found if finding.concern == concern]
        if some:
            typer.echo(f"{heading}\n")
            print_rows(some, AnswerFormat.TABLE, _COLUMNS)
            typer.echo()
    counts = Counter(finding.concern for finding in found)
    summary = ", ".join(f"{counts[concern]:,} {concern}" for concern in Concern)
    typer.echo(f"{summary}." if found else "Nothing to look at.")
    if not with_use:
        typer.echo(
            "The reports did not answer: nothing is said of codes that are unused or\n"
            "suspicious, nor of limits of uses."
        )

"""`reftrail import`: what other referral programmes still owe, taken over into the ledger."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from reftrail.adjustments import adjustments
from reftrail.cli.actor import Actor, whoever_is_here
from reftrail.cli.connection import BootstrapServers, ReadyFile, TopicPrefix
from reftrail.cli.installation import installation_at
from reftrail.cli.json_output import AsJson, print_json
from reftrail.cli.referral_commands import well_formed
from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.money import amount_text
from reftrail.contracts.record import Record
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.times import now
from reftrail.contracts.topics import ADJUSTMENTS, CODES, DEAD_LETTERS, REWARDS
from reftrail.imports import (
    Balance,
    Found,
    History,
    Owners,
    Plan,
    Posting,
    Programme,
    plan_import,
    read_columns,
    read_commissions,
)
from reftrail.reference import read_all, write

_SHOWN: Final = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(_import)


def _import(
    programme: Annotated[Programme, typer.Argument(help="Whose commissions these are.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="Its list of commissions, as its API answers, or a CSV export; see --columns."
        ),
    ],
    *,
    codes: Annotated[
        Path | None,
        typer.Option(
            help="CSV with earner,code: whose code is whose. Else an owner's e-mail address says."
        ),
    ] = None,
    columns: Annotated[
        Path | None,
        typer.Option(
            help="TOML file that says which columns a CSV export has. Dub's are known without it."
        ),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Of commissions that name none (FirstPromoter).")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="How they are given, such as payout. Else as the campaign's.")
    ] = None,
    ask_again: Annotated[
        bool, typer.Option("--ask-again", help="Post what was declined once more.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: AsJson = False,
    actor: Actor = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Take over what PROGRAMME still owes, as credits of the ledger.

    Of each commission the ledger gets what is open of it, once: run it again, and it changes what
    has changed since. A file at fault changes nothing.
    """
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    mapping = read_columns(columns) if columns else None
    found = read_commissions(programme, file, currency, mapping)
    registered = read_all(installation, CODES, CodeChanged)
    plan = plan_import(
        programme,
        found.commissions,
        Owners(registered, _listed(codes, registered) if codes else None),
        _history(installation, programme),
        asks_again=ask_again,
    )
    plan.notes += found.notes
    _say(plan, found, as_json=as_json)
    if found.faults or plan.without_code or plan.faults:
        typer.echo("nothing is taken over; see what is at fault above", err=True)
        raise typer.Exit(4)
    by, at = actor or whoever_is_here(), now()
    fields = [posting.fields(kind) for posting in plan.postings]
    taken = well_formed(adjustments(fields, at, by))
    if dry_run:
        typer.echo(f"would write {len(taken)} adjustments", err=True)
        return
    write(installation, ADJUSTMENTS, taken)
    typer.echo(f"wrote {len(taken)} adjustments; --dry-run compares again", err=True)


def _history(installation: Installation, programme: Programme) -> History:
    """Adjustments written before, with the entries and dead letters that decided them.

    Adjustments are read first: so no outcome that was there by then is missing.
    """
    adjusted = read_all(installation, ADJUSTMENTS, Record)
    return History(
        programme,
        [record for record in adjusted if isinstance(record, Adjusted)],
        read_all(installation, REWARDS, RewardDecided),
        read_all(installation, DEAD_LETTERS, DeadLettered),
    )


def _listed(path: Path, registered: Iterable[CodeChanged]) -> dict[str, str]:
    """The codes of a CSV file, by earner. Raises `ExpectedError` for one that isn't registered."""
    spellings = {canonical(code.code): code.code for code in registered}
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, row in _rows(path):
        earner, text = (row.get("earner") or "").strip(), (row.get("code") or "").strip()
        code = spellings.get(canonical(text))
        if not earner or code is None:
            raise ExpectedError(
                f"{path}, line {number}: expected earner,code with a registered code, found "
                f"{earner!r},{text!r}; register it first with: reftrail codes add"
            )
        if (before := lines.setdefault(earner, number)) != number:
            raise ExpectedError(
                f"{path}, lines {before} and {number}: both say whose code {earner!r} has; leave "
                f"one of them"
            )
        found[earner] = code
    return found


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file, each with the number of its last line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ExpectedError(
            f"{path} can't be read: {error}; give a CSV file with the columns earner,code"
        ) from error


def _say(plan: Plan, found: Found, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "changes": [
                    posting.fields(None)
                    | {"owner": posting.place.owner, "matched_by": posting.rule}
                    for posting in plan.postings
                ],
                "balances": [_figures(balance) for balance in plan.balances],
                "without_code": plan.without_code,
                "must_be_mended": plan.faults,
                "notes": plan.notes,
                "left_out": found.left_out,
                "faults": [fault._asdict() for fault in found.faults],
            }
        )
        return
    for line in (*_changes(plan.postings), *_balances(plan.balances)):
        typer.echo(line)
    for earner in plan.without_code:
        typer.echo(
            f"{earner} has no code here (no owner, or several codes, by their e-mail address); "
            f"name it in --codes FILE.csv",
            err=True,
        )
    if found.left_out:
        counts = sorted(found.left_out.items())
        units = ", ".join(f"{count:,} of {unit}" for unit, count in counts)
        typer.echo(f"left out what isn't cash: {units}", err=True)
    for text in (*plan.faults, *plan.notes):
        typer.echo(text, err=True)
    for number, its_id, why, counted in found.faults:
        typer.echo(f"{counted} {number} ({its_id}): {why}", err=True)


def _changes(postings: list[Posting]) -> Iterator[str]:
    for posting in postings[:_SHOWN]:
        code, owner, currency = posting.place
        yield (
            f"{code} of {owner} (by {posting.rule}) for {posting.user_id}: "
            f"{amount_text(posting.micros, currency)} {currency} ({posting.why})"
        )
    if (more := len(postings) - _SHOWN) > 0:
        yield f"... and {more:,} more; --json has all"


def _balances(balances: list[Balance]) -> Iterator[str]:
    for balance in balances:
        named = _figures(balance)
        verdict = "matches" if balance.matches else "differs"
        whose = f"{named['code']} of {named['owner']}, by {named['matched_by']}"
        yield (
            f"{verdict}: {named['earner']} ({whose}) is owed {named['theirs']} "
            f"{named['currency']}, booked {named['ledger']}, would add {named['posted']}, "
            f"waiting {named['waiting']}"
        )


def _figures(balance: Balance) -> dict[str, object]:
    def text(micros: int) -> str:
        return amount_text(micros, balance.place.currency)

    return {
        "earner": balance.earner,
        "code": balance.place.code,
        "owner": balance.place.owner,
        "matched_by": balance.rule,
        "currency": balance.place.currency,
        "theirs": text(balance.theirs),
        "ledger": text(balance.ledger),
        "posted": text(balance.posted),
        "waiting": text(balance.waiting),
        "matches": balance.matches,
    }

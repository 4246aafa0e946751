"""`reftrail payouts`: what beneficiaries are due, gathered into statements, paid and reconciled."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from reftrail.cli.actor import Actor, whoever_is_here
from reftrail.cli.connection import BootstrapServers, ReadyFile, TopicPrefix
from reftrail.cli.installation import installation_at
from reftrail.cli.json_output import AsJson, print_json
from reftrail.cli.statement_text import (
    is_named,
    statement_json,
    statement_line,
    statement_text,
)
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import amount_text
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.times import now
from reftrail.payouts import (
    LAYOUTS,
    Act,
    Exported,
    PayoutLog,
    Statement,
    Statements,
    approve_statements,
    export_again,
    export_statements,
    parse_period,
    payout_writer,
    prepare_statements,
    provider_line,
    read_payees,
    read_report,
    read_terms,
    report_payments,
)

_WORDS: Final = ", ".join(LAYOUTS)

_Period: TypeAlias = Annotated[
    str, typer.Option("--period", help="A month such as 2026-10, or FIRST..AFTER as two days.")
]
_Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--only", help="Only these statements, by reference or id; may be repeated."),
]
_Currency: TypeAlias = Annotated[str, typer.Option("--currency", help="Only in this currency.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    payouts = typer.Typer(
        help="Statements of what beneficiaries are due, and their payment.", no_args_is_help=True
    )
    for command in (_prepare, _approve, _export, _report, _list, _show):
        payouts.command(command.__name__.removeprefix("_"))(command)
    app.add_typer(payouts, name="payouts")


def _prepare(
    period: _Period,
    terms: Annotated[
        Path | None, typer.Option(help="TOML file with the table [payouts]; else the usual terms.")
    ] = None,
    actor: Actor = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Gather what is due into statements, one for each beneficiary and currency."""
    given, asked = read_terms(terms), parse_period(period)
    with payout_writer(installation_at(bootstrap_servers, topic_prefix, ready_file)) as log:
        written, unchanged = prepare_statements(log, given, asked, _act(actor))
    _say(statement_line(statement) for statement in written)
    typer.echo(f"{len(written)} prepared, {len(unchanged)} as they were")


def _approve(
    period: Annotated[str, typer.Option(help="Those of this period.")] = "",
    only: _Only = None,
    currency: _Currency = "",
    actor: Actor = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Approve statements that are prepared, if nothing about them has changed since."""
    if not period and not only:
        raise ExpectedError("say what is approved: give --period, or --only with a reference")
    choice = _Choice(period, only, currency, StatementStatus.PREPARED)
    with payout_writer(installation_at(bootstrap_servers, topic_prefix, ready_file)) as log:
        approved, refused = approve_statements(log, choice, _act(actor))
    _say(statement_line(statement) for statement in approved)
    for refusal in refused:
        typer.echo(f"not approved: {statement_line(refusal.statement)}: {refusal.why}", err=True)
    typer.echo(f"{len(approved)} approved, {len(refused)} not")
    if refused:
        raise typer.Exit(1)


def _export(
    payees: Annotated[Path, typer.Option(help="CSV file with the beneficiaries' payment details.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; a new one.")],
    layout: Annotated[str, typer.Option("--format", help=f"One of {_WORDS}.")],
    currency: Annotated[str, typer.Option(help="In which currency; a file has one.")],
    period: Annotated[str, typer.Option(help="Only those of this period.")] = "",
    only: _Only = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    note: Annotated[str, typer.Option(help="What beneficiaries read with the payment.")] = "",
    again: Annotated[
        str, typer.Option(help="A batch's id: write its file again, of what isn't reported on.")
    ] = "",
    actor: Actor = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Write approved statements as the CSV file of a provider; say whose details are missing."""
    if layout not in LAYOUTS:
        raise ExpectedError(f"{layout!r} is no format; give one of {_WORDS}")
    known = read_payees(payees)
    if output.exists():
        raise ExpectedError(f"{output} is there already; give a new file, so that none is lost")
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    if again:
        statements = PayoutLog(installation).statements()
        found = export_again(statements, again, LAYOUTS[layout], known, note)
    else:
        choice = _Choice(period, only, currency, StatementStatus.APPROVED)
        with payout_writer(installation) as log:
            found = export_statements(
                log, choice, LAYOUTS[layout], known, _act(actor), note=note, limit=limit
            )
    _write(output, found)


def _report(
    file: Annotated[
        Path | None, typer.Argument(help="The provider's CSV report; else give the options.")
    ] = None,
    reference: Annotated[str, typer.Option(help="Of one payment, in place of a file.")] = "",
    status: Annotated[str, typer.Option(help="paid, failed or returned.")] = "",
    amount: Annotated[str, typer.Option(help="What was paid, such as 25.00.")] = "",
    currency: Annotated[str, typer.Option(help="In which currency.")] = "",
    provider_reference: Annotated[str, typer.Option(help="The provider's id of it.")] = "",
    detail: Annotated[str, typer.Option(help="Why, in a sentence.")] = "",
    actor: Actor = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Take what a provider says about payments, and list what differs from the statements."""
    if file is not None:
        lines = read_report(file)
    elif reference and status:
        words = {"amount": amount, "currency": currency, "detail": detail}
        try:
            lines = [
                provider_line(reference, status, provider_reference=provider_reference, **words)
            ]
        except ValueError as error:
            raise ExpectedError(f"--amount: {error}") from error
    else:
        raise ExpectedError("give the provider's file, or --reference and --status")
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    with payout_writer(installation, with_reports=True) as log:
        found = report_payments(log, lines, _act(actor), is_whole=file is not None)
    for change in found.changes:
        money = f"{amount_text(change.amount_micros, change.currency)} {change.currency}"
        typer.echo(f"{change.status}: {money} to {change.beneficiary}")
    for difference in found.differences:
        typer.echo(f"{difference.kind}: {difference.reference}: {difference.detail}", err=True)
    typer.echo(
        f"{len(found.changes)} taken, {found.known} known before, {len(found.differences)} differ"
    )
    if found.differences:
        raise typer.Exit(1)


def _list(
    period: Annotated[str, typer.Option(help="Only those of this period.")] = "",
    status: Annotated[StatementStatus | None, typer.Option(help="Only in this status.")] = None,
    beneficiary: Annotated[str, typer.Option(help="Only to this user.")] = "",
    currency: _Currency = "",
    as_json: AsJson = False,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """List statements, with sums by currency and status."""
    choice = _Choice(period, None, currency, status)
    found = [
        statement
        for statement in _statements(bootstrap_servers, topic_prefix, ready_file).by_id.values()
        if choice(statement) and beneficiary in ("", statement.prepared.beneficiary)
    ]
    found.sort(
        key=lambda statement: (statement.prepared.period_from, statement.prepared.beneficiary)
    )
    if as_json:
        print_json([statement_json(statement) for statement in found])
        return
    _say(statement_line(statement) for statement in found)
    sums: dict[tuple[str, str], int] = {}
    for statement in found:
        if statement.prepared.carried_over is not None:
            continue  # what it has is in later ones too
        key = statement.prepared.currency, statement.status
        sums[key] = sums.get(key, 0) + statement.prepared.total_micros
    for (its_currency, word), micros in sorted(sums.items()):
        typer.echo(f"{amount_text(micros, its_currency)} {its_currency} {word}")
    typer.echo(f"{len(found)} statements")


def _show(
    reference: Annotated[str, typer.Argument(help="The statement's reference or id.")],
    as_json: AsJson = False,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show a statement: its rewards, what became of it, and up to where the ledger was counted."""
    statements = _statements(bootstrap_servers, topic_prefix, ready_file)
    found = next(
        (statement for statement in statements.by_id.values() if is_named(statement, reference)),
        None,
    )
    if found is None:
        raise ExpectedError(f"there is no statement {reference}; see: reftrail payouts list")
    if as_json:
        print_json(statement_json(found))
        return
    _say(statement_text(found))


class _Choice:
    """Says which statements a command is about."""

    def __init__(
        self, period: str, only: list[str] | None, currency: str, status: StatementStatus | None
    ) -> None:
        self._period = parse_period(period) if period else None
        self._only = only or []
        self._currency = currency
        self._status = status

    def __call__(self, statement: Statement) -> bool:
        given, period = statement.prepared, self._period
        if self._only:
            return any(is_named(statement, name) for name in self._only)
        if period and (given.period_from, given.period_until) != (period.start, period.until):
            return False
        if self._status == StatementStatus.PREPARED and given.carried_over is not None:
            return False
        return self._currency in ("", given.currency) and self._status in (None, statement.status)


def _write(output: Path, found: Exported) -> None:
    """Write the file of a batch, and say what isn't in it."""
    for missing in found.missing:
        typer.echo(f"not exported: {statement_line(missing.statement)}: {missing.why}", err=True)
    if not found.statements:
        typer.echo(f"nothing to export, {len(found.missing)} not")
        raise typer.Exit(1)
    try:
        opened = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
            file.write(found.text)
    except OSError as error:
        raise ExpectedError(
            f"{output} can't be written: {error.strerror}. The statements are exported as batch "
            f"{found.batch_id}: give --again {found.batch_id} and another file"
        ) from error
    typer.echo(f"{output}: batch {found.batch_id}")
    typer.echo(f"{len(found.statements)} exported, {len(found.missing)} not")
    if found.missing:
        raise typer.Exit(1)


def _statements(
    bootstrap_servers: str | None, topic_prefix: str | None, ready_file: Path | None
) -> Statements:
    return PayoutLog(installation_at(bootstrap_servers, topic_prefix, ready_file)).statements()


def _act(actor: str | None) -> Act:
    return Act(actor or whoever_is_here(), now())


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)

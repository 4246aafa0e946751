"""`reftrail rewards`: adjustments of the ledger by hand, and their approval."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import typer
import uuid_utils

from reftrail.adjustments import KnownAdjustments, adjustments, decisions
from reftrail.cli.actor import Actor, whoever_is_here
from reftrail.cli.code_spelling import registered_spelling
from reftrail.cli.connection import (
    BootstrapServers,
    ReadyFile,
    ReportsUrl,
    SecretKey,
    TopicPrefix,
    resolve,
)
from reftrail.cli.installation import installation_at
from reftrail.cli.json_output import AsJson
from reftrail.cli.referral_commands import (
    Code,
    Limit,
    Note,
    OnlyCampaign,
    OnlyCode,
    OnlyUser,
    User,
    given,
    print_waiting,
    well_formed,
)
from reftrail.contracts.adjustments import AdjustmentDecision
from reftrail.contracts.decisions import Role
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import amount_text
from reftrail.contracts.record import Record
from reftrail.contracts.times import now
from reftrail.contracts.topics import ADJUSTMENTS
from reftrail.reference import read_all, write
from reftrail.reports.client import ReportsClient
from reftrail.reports.held import Wanted

_Id: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The adjustment's id.")]

_OPTIONS = {"amount": "--credit or --debit", "role": "--to", "adjustment_id": "--id"}
"""The options of fields that are called otherwise."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    rewards = typer.Typer(help="Adjustments of the ledger by hand.", no_args_is_help=True)
    rewards.command("adjust")(_adjust)
    rewards.command("approve", help="Approve the adjustment ID of another person.")(
        _deciding(AdjustmentDecision.APPROVE)
    )
    rewards.command("decline", help="Decline the adjustment ID, which waits for approval.")(
        _deciding(AdjustmentDecision.DECLINE)
    )
    rewards.command("retry", help="Order the credit ID once more, whose delivery failed.")(
        _deciding(AdjustmentDecision.RETRY)
    )
    rewards.command("pending")(_pending)
    app.add_typer(rewards, name="rewards")


def _adjust(
    code: Code,
    user: User,
    *,
    credit: Annotated[str | None, typer.Option(help="How much is given, such as 5.00.")] = None,
    debit: Annotated[str | None, typer.Option(help="How much is taken, such as 5.00.")] = None,
    currency: Annotated[str, typer.Option(help="Of the amount: EUR, or a unit such as points.")],
    reason: Annotated[str, typer.Option(help="Why, in a word: goodwill, error, lost_tracking.")],
    to: Annotated[
        str | None, typer.Option(help="Who gets it: referrer or referee. Else --reward says it.")
    ] = None,
    reward: Annotated[str | None, typer.Option(help="The reward it is about, by its id.")] = None,
    order: Annotated[str | None, typer.Option(help="The order it is about.")] = None,
    kind: Annotated[str | None, typer.Option(help="Such as credit or cash.")] = None,
    note: Note = None,
    its_id: Annotated[
        str | None,
        typer.Option("--id", help="An id of your own: given again, it counts once."),
    ] = None,
    actor: Actor = None,
    reports_url: ReportsUrl = None,
    secret_key: SecretKey = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Credit or debit USER, or the owner of CODE, for what USER did under CODE."""
    if (credit is None) == (debit is None):
        raise ExpectedError("give one of --credit and --debit: how much")
    connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
    adjustment_id = its_id or str(uuid_utils.uuid7())
    fields = {
        "adjustment_id": adjustment_id,
        "code": registered_spelling(connection, code, user),
        "user_id": user,
        "role": to or (None if reward else Role.REFERRER.value),
        "amount": credit if debit is None else f"-{debit}",
        "currency": currency,
        "kind": kind,
        "reason": reason,
        "note": note,
        "order_id": order,
        "reward_id": reward,
    }
    taken = well_formed(adjustments([given(fields)], now(), actor or whoever_is_here()), _OPTIONS)
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    if its_id is not None:
        known = KnownAdjustments()
        for record in read_all(installation, ADJUSTMENTS, Record):
            known.take(record)
        if known.another(taken) is not None:
            raise ExpectedError(f"another adjustment has the id {its_id}; give this one another")
    write(installation, ADJUSTMENTS, taken)
    code = taken[0].code
    typer.echo(f"adjustment {adjustment_id}; see: reftrail explain {code} {user}")


def _pending(
    code: OnlyCode = "",
    user: OnlyUser = "",
    campaign: OnlyCampaign = "",
    limit: Limit = 100,
    as_json: AsJson = False,
    reports_url: ReportsUrl = None,
    secret_key: SecretKey = None,
    ready_file: ReadyFile = None,
) -> None:
    """List adjustments that wait for a second person's approval, the oldest first."""
    connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
    with ReportsClient(connection.reports_url, connection.secret_key) as client:
        waiting = client.waiting_adjustments(Wanted(code, user, campaign, limit))
    print_waiting(waiting, _lines, "waiting", limit, as_json=as_json)


def _lines(adjustment: dict[str, Any]) -> Iterator[str]:
    """An adjustment in lines of a terminal: whose it is, who asked for it and why."""
    amount = amount_text(adjustment["value_micros"], adjustment["currency"])
    value = f"{amount} {adjustment['currency']} {adjustment['kind']}"
    of = f"{adjustment['code']} {adjustment['user_id']}"
    yield f"{of}: {value} to {adjustment['role']} {adjustment['beneficiary']}"
    about = f", order {adjustment['order_id']}" if adjustment["order_id"] else ""
    why = adjustment["reason"] or "-"
    yield f"  {why}{about}, asked for by {adjustment['actor'] or '-'} {adjustment['asked_at']}"
    if adjustment["adds_up"]:
        yield "  needs approval together with others of the beneficiary"
    if adjustment["note"]:
        yield f"  {adjustment['note']}"
    yield f"  adjustment {adjustment['adjustment_id']}"


def _deciding(decision: AdjustmentDecision) -> Any:
    def decide(
        code: Code,
        user: User,
        its_id: _Id,
        note: Note = None,
        actor: Actor = None,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        bootstrap_servers: BootstrapServers = None,
        topic_prefix: TopicPrefix = None,
        ready_file: ReadyFile = None,
    ) -> None:
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        fields = {
            "adjustment_id": its_id,
            "code": registered_spelling(connection, code, user),
            "user_id": user,
            "decision": decision.value,
            "note": note,
        }
        taken = well_formed(decisions([given(fields)], now(), actor or whoever_is_here()), _OPTIONS)
        write(installation_at(bootstrap_servers, topic_prefix, ready_file), ADJUSTMENTS, taken)
        typer.echo(f"{decision}: {its_id}; see: reftrail explain {taken[0].code} {user}")

    return decide

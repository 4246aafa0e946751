"""`reftrail reviews`: rewards that are held, and what analysts decide about them."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeAlias

import typer

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
from reftrail.contracts.external_inputs import ReviewDecision
from reftrail.contracts.money import amount_text
from reftrail.contracts.times import now
from reftrail.contracts.topics import REVIEWS
from reftrail.reference import write
from reftrail.reports.client import ReportsClient
from reftrail.reports.evidence import figure_text
from reftrail.reports.held import Wanted
from reftrail.reviews import judged

_Reward: TypeAlias = Annotated[
    str | None, typer.Option("--reward", help="Only this one, by its id.")
]
_Reason: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Why, in a word: fraud, chargeback, false_positive, dispute_won, goodwill."),
]

_HELPS: Final = {
    ReviewDecision.APPROVE: "Grant what is held of USER under CODE; retry what failed.",
    ReviewDecision.DECLINE: "Reject what is held of USER under CODE.",
    ReviewDecision.REVERSE: "Take back what was granted to both sides for USER under CODE.",
    ReviewDecision.REINSTATE: (
        "Grant what was rejected or reversed, or has expired, of USER under CODE. Needs --reason."
    ),
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    reviews = typer.Typer(help="Held rewards, and decisions about them.", no_args_is_help=True)
    reviews.command("list")(_list)
    for decision, help_text in _HELPS.items():
        reviews.command(decision.value, help=help_text)(_deciding(decision))
    app.add_typer(reviews, name="reviews")


def _list(
    code: OnlyCode = "",
    user: OnlyUser = "",
    campaign: OnlyCampaign = "",
    limit: Limit = 100,
    as_json: AsJson = False,
    reports_url: ReportsUrl = None,
    secret_key: SecretKey = None,
    ready_file: ReadyFile = None,
) -> None:
    """List rewards that are held, the most urgent first, with what speaks against each."""
    connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
    with ReportsClient(connection.reports_url, connection.secret_key) as client:
        held = client.held(Wanted(code, user, campaign, limit))
    print_waiting(held, _lines, "held", limit, as_json=as_json)


def _lines(held: dict[str, Any]) -> Iterator[str]:
    """A reward in lines of a terminal: whose it is, until when it is held, and why."""
    amount = amount_text(held["value_micros"], held["currency"])
    value = f"{amount} {held['currency']} {held['kind']}"
    yield f"{held['code']} {held['user_id']}: {value} to {held['role']} {held['beneficiary']}"
    yield f"  score {held['score']}, held {held['held_at']}, due {held['due_at'] or '-'}"
    for evidence_item in held["evidence"]:
        figures = ", ".join(
            f"{name} {figure_text(name, value)}" for name, value in evidence_item["figures"].items()
        )
        yield f"  {evidence_item['weight']:>4}  {evidence_item['reason']}" + (
            f": {figures}" if figures else ""
        )
    for reason in sorted(
        {*held["reasons"]} - {evidence_item["reason"] for evidence_item in held["evidence"]}
    ):
        yield f"     -  {reason}"
    yield f"  reward {held['reward_id']}"


def _deciding(decision: ReviewDecision) -> Any:
    def decide(
        code: Code,
        user: User,
        reward: _Reward = None,
        reason: _Reason = None,
        note: Note = None,
        actor: Actor = None,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        bootstrap_servers: BootstrapServers = None,
        topic_prefix: TopicPrefix = None,
        ready_file: ReadyFile = None,
    ) -> None:
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        code = registered_spelling(connection, code, user)
        fields = {
            "code": code,
            "user_id": user,
            "decision": decision.value,
            "reward_id": reward,
            "reason": reason,
            "note": note,
        }
        taken = well_formed(judged([given(fields)], now(), actor or whoever_is_here()))
        write(installation_at(bootstrap_servers, topic_prefix, ready_file), REVIEWS, taken)
        typer.echo(f"{decision}: {code} {user}; see: reftrail explain {code} {user}")

    return decide

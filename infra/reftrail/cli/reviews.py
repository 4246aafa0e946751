"""`reftrail reviews`: rewards that are held, and what analysts decide about them."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import typer

from reftrail.cli.actor import Actor, whoever_is_here
from reftrail.cli.connection import (
    BootstrapServers,
    Connection,
    ReadyFile,
    ReportsUrl,
    SecretKey,
    TopicPrefix,
    resolve,
)
from reftrail.cli.installation import installation_at
from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import ReviewDecision
from reftrail.contracts.money import amount_text
from reftrail.contracts.times import now
from reftrail.contracts.topics import REVIEWS
from reftrail.reference import write
from reftrail.reports.client import ReportsClient
from reftrail.reports.held import Wanted
from reftrail.reviews import judged

_Code: TypeAlias = Annotated[str, typer.Argument(help="The referral code.")]
_User: TypeAlias = Annotated[str, typer.Argument(help="The user who was referred.")]
_Reward: TypeAlias = Annotated[
    str | None, typer.Option("--reward", help="Only this one, by its id.")
]
_Reason: TypeAlias = Annotated[
    str | None, typer.Option(help="Why, in a word: fraud, chargeback, goodwill, ...")
]
_Note: TypeAlias = Annotated[str | None, typer.Option(help="Why, in a sentence.")]

_HELPS: Final = {
    ReviewDecision.APPROVE: "Grant what is held of USER under CODE; retry what failed.",
    ReviewDecision.DECLINE: "Reject what is held of USER under CODE.",
    ReviewDecision.REVERSE: "Take back what was granted to both sides for USER under CODE.",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    reviews = typer.Typer(help="Held rewards, and decisions about them.", no_args_is_help=True)
    reviews.command("list")(_list)
    for decision, help_text in _HELPS.items():
        reviews.command(decision.value, help=help_text)(_deciding(decision))
    app.add_typer(reviews, name="reviews")


def _list(
    code: Annotated[str, typer.Option(help="Only under this code.")] = "",
    user: Annotated[str, typer.Option(help="Only for this user's actions.")] = "",
    campaign: Annotated[str, typer.Option(help="Only in this campaign.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    reports_url: ReportsUrl = None,
    secret_key: SecretKey = None,
    ready_file: ReadyFile = None,
) -> None:
    """List rewards that are held, the most urgent first, with what speaks against each."""
    connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
    with ReportsClient(connection.reports_url, connection.secret_key) as client:
        held = client.held(Wanted(code, user, campaign, limit))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(held), indent=2))
        return
    for one in held:
        typer.echo("\n".join(_told(one)))
    typer.echo(f"{len(held)} held" + ("; there may be more" if len(held) == limit else ""))


def _told(held: dict[str, Any]) -> Iterator[str]:
    """A reward in lines of a terminal: whose it is, until when it is held, and why."""
    amount = amount_text(held["value_micros"], held["currency"])
    value = f"{amount} {held['currency']} {held['kind']}"
    yield f"{held['code']} {held['user_id']}: {value} to {held['role']} {held['beneficiary']}"
    yield f"  score {held['score']}, held {held['held_at']}, due {held['due_at'] or '-'}"
    for one in held["evidence"]:
        figures = ", ".join(f"{name} {value}" for name, value in one["figures"].items())
        yield f"  {one['weight']:>4}  {one['reason']}" + (f": {figures}" if figures else "")
    for reason in sorted({*held["reasons"]} - {one["reason"] for one in held["evidence"]}):
        yield f"     -  {reason}"
    yield f"  reward {held['reward_id']}"


def _deciding(decision: ReviewDecision) -> Any:
    def decide(
        code: _Code,
        user: _User,
        reward: _Reward = None,
        reason: _Reason = None,
        note: _Note = None,
        actor: Actor = None,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        bootstrap_servers: BootstrapServers = None,
        topic_prefix: TopicPrefix = None,
        ready_file: ReadyFile = None,
    ) -> None:
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        code = _registered_spelling(connection, code, user)
        told = {
            "code": code,
            "user_id": user,
            "decision": decision.value,
            "reviewer": actor or whoever_is_here(),
            "reward_id": reward,
            "reason": reason,
            "note": note,
        }
        given = {name: value for name, value in told.items() if value is not None}
        taken, rejected = judged([given], now())
        for rejection in rejected:
            raise ExpectedError(f"{rejection.pointer.removeprefix('/')} {rejection.reason}")
        write(installation_at(bootstrap_servers, topic_prefix, ready_file), REVIEWS, taken)
        typer.echo(f"{decision}: {code} {user}; see: reftrail explain {code} {user}")

    return decide


def _registered_spelling(connection: Connection, code: str, user: str) -> str:
    """The registered spelling of a code, where the reports know it; else the code as given."""
    try:
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            registered = client.journey(code, user)["code"]
    except ExpectedError:
        registered = None
    return spelled(code) if registered is None else str(registered["code"])

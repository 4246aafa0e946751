"""`reftrail rewards`: what is written, under which id, and what is refused before that."""

from collections.abc import Iterable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from reftrail.adjustments import adjustments
from reftrail.cli import code_spelling, rewards
from reftrail.cli.main import command_line
from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Record

KNOWN = {
    "REFTRAIL_REPORTS_URL": "http://reports",
    "REFTRAIL_SECRET_KEY": "sk",
    "REFTRAIL_BOOTSTRAP_SERVERS": "nowhere:1",
    "REFTRAIL_TOPIC_PREFIX": "",
    "REFTRAIL_ACTOR": "ann",
}
FIVE = ("--credit", "5.00", "--currency", "EUR", "--reason", "goodwill")


class Silent:
    """Reports that don't answer."""

    def __init__(self, url: str, secret_key: str) -> None:
        raise ExpectedError(f"{url} does not answer under {secret_key}")


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """The records of the topic to which the commands write."""
    records: list[Record] = []

    def write(_: object, __: object, written: Iterable[Record]) -> None:
        records.extend(written)

    monkeypatch.setattr(rewards, "write", write)
    monkeypatch.setattr(rewards, "read_all", lambda *_: list(records))
    monkeypatch.setattr(code_spelling, "ReportsClient", Silent)
    return records


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command_line(("rewards",)), ["rewards", *arguments], env=KNOWN)


def test_a_credit_is_written_with_its_actor_and_an_id(topic: list[Record]) -> None:
    done = run("adjust", " amy ", "uma", *FIVE, "--order", "O1", "--note", "as promised")
    assert done.exit_code == 0, done.output
    (found,) = topic
    assert isinstance(found, Adjusted)
    assert (found.code, found.user_id, found.role, found.actor) == ("amy", "uma", "referrer", "ann")
    assert (found.value_micros, found.currency, found.order_id) == (5_000_000, "EUR", "O1")
    assert (found.reason, found.note) == ("goodwill", "as promised")
    assert f"adjustment {found.adjustment_id}; see: reftrail explain amy uma" in done.stdout


def test_a_debit_takes_away(topic: list[Record]) -> None:
    done = run(
        *("adjust", "AMY", "uma", "--debit", "300", "--currency", "points", "--to", "referee"),
        *("--reason", "error", "--kind", "credit"),
    )
    assert done.exit_code == 0, done.output
    (found,) = topic
    assert isinstance(found, Adjusted)
    assert (found.value_micros, found.role, found.kind) == (-300_000_000, "referee", "credit")


def test_an_id_of_ones_own_counts_once_and_for_one_adjustment(topic: list[Record]) -> None:
    for _ in range(2):
        assert run("adjust", "AMY", "uma", *FIVE, "--id", "A1").exit_code == 0
    assert len({record.event_id for record in topic}) == 1
    other = run("adjust", "AMY", "bob", *FIVE, "--id", "A1")
    assert isinstance(other.exception, ExpectedError)
    assert "another adjustment has the id A1" in str(other.exception)
    assert len(topic) == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--currency", "EUR", "--reason", "x"), "give one of --credit and --debit"),
        ((*FIVE, "--debit", "1"), "give one of --credit and --debit"),
        (("--credit", "0", "--currency", "EUR", "--reason", "x"), "--credit or --debit is wrong"),
        (("--credit", "1.5", "--currency", "JPY", "--reason", "x"), "--credit or --debit is"),
        (("--credit", "1", "--currency", "QQQ", "--reason", "x"), "currency is wrong; expected a"),
        (("--credit", "1", "--currency", "EUR", "--reason", "Bad!"), "reason is wrong"),
        ((*FIVE, "--to", "owner"), "--to is wrong; expected referrer or referee"),
        ((*FIVE, "--reward", "x"), "reward_id is wrong; expected the UUID"),
    ],
)
def test_what_is_wrong_is_named_by_its_option(
    topic: list[Record], given: tuple[str, ...], says: str
) -> None:
    done = run("adjust", "AMY", "uma", *given)
    assert isinstance(done.exception, ExpectedError), done.output
    assert says in str(done.exception)
    assert not topic


@pytest.mark.parametrize("decision", ["approve", "decline", "retry"])
def test_a_decision_names_the_adjustment(topic: list[Record], decision: str) -> None:
    done = run(decision, "AMY", "uma", "A1", "--actor", "bea")
    assert done.exit_code == 0, done.output
    (found,) = topic
    assert isinstance(found, AdjustmentDecided)
    assert (found.adjustment_id, found.decision, found.actor) == ("A1", decision, "bea")


GOOD: dict[str, Any] = {
    "adjustment_id": "A1",
    "code": "AMY",
    "user_id": "uma",
    "role": "referrer",
    "amount": "-5.00",
    "currency": "EUR",
    "reason": "error",
    "actor": "ann",
}


def test_the_event_id_follows_from_the_content_alone() -> None:
    (first, again), _ = adjustments([GOOD, GOOD | {"code": "AMY "}], 5, "ann")
    (later,), _ = adjustments([GOOD], 6, "ann")
    assert first.event_id == again.event_id == later.event_id
    others = ({"amount": "5.00"}, {"reason": "x"}, {"note": "x"}, {"user_id": "u"}, {"kind": "x"})
    found, rejected = adjustments([GOOD | other for other in others], 5, "ann")
    assert not rejected
    assert len({adjustment.event_id for adjustment in (*found, first)}) == len(others) + 1


@pytest.mark.parametrize(
    ("given", "pointer", "says"),
    [
        ({"role": None}, "/role", "is missing; expected referrer or referee"),
        ({"role": "milestone"}, "/role", "is wrong"),
        ({"amount": "--5"}, "/amount", "is wrong; expected a decimal"),
        ({"amount": "-0.00"}, "/amount", "is wrong"),
        ({"amount": "1.001"}, "/amount", "minor units"),
        ({"amount": 5}, "/amount", "in a string"),
        ({"reason": "partly_refunded"}, "/reason", "no word that the ledger has"),
        ({"reason": None}, "/reason", "is missing"),
        ({"actor": ""}, "/actor", "is wrong"),
        ({"adjustment_id": "a\nb"}, "/adjustment_id", "none a control or zero-width character"),
        ({"amout": "1"}, "/amout", "did you mean amount?"),
    ],
)
def test_a_fault_names_the_field(given: dict[str, Any], pointer: str, says: str) -> None:
    taken, (rejection,) = adjustments([GOOD | given], 5, "ann")
    assert not taken
    assert rejection.pointer == pointer
    assert says in rejection.reason

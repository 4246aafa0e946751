"""Pay-outs from orders to a provider's report, by command, on real hosts; and in the warehouse."""

import csv
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from support.kafka import TestInstallation
from support.log import produce, read_committed
from support.programme import T0, campaign, click, code, purchase, refund, signup
from support.warehouse import warehouse
from support.worker import worker
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported
from reftrail.contracts.record import DAY, MICROS_PER_UNIT
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    PAYOUTS,
    REWARDS,
)
from reftrail.payouts import Act, PayoutTerms, Period, payout_writer, prepare_statements

UNIT = MICROS_PER_UNIT
PAYEES = "beneficiary,name,email\namy,Amy Ace,amy@example.com\nben,Ben,ben@example.com\n"
TERMS = """
[payouts]
refund_window = "5 days"
minimum = { EUR = "10.00" }
"""


def until(holds: Callable[[], Any], seconds: float = 180) -> Any:
    """The first output, as soon as there is some."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
    return found


class Office:
    """A payer with the command line and a folder of files."""

    def __init__(self, installation: TestInstallation, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        }
        self.file("payees.csv").write_text(PAYEES)
        self.file("terms.toml").write_text(TERMS)

    def file(self, name: str) -> Path:
        return self._folder / name

    def tries(self, *arguments: str, actor: str = "pat") -> Any:
        env = self._environment | {"REFTRAIL_ACTOR": actor}
        app = command_line(("payouts",))
        return CliRunner().invoke(app, ["payouts", *arguments], env=env, catch_exceptions=False)

    def does(self, *arguments: str, actor: str = "pat") -> str:
        done = self.tries(*arguments, actor=actor)
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    def prepares(self, period: str) -> str:
        return self.does("prepare", "--period", period, "--terms", str(self.file("terms.toml")))

    def exports(self, name: str) -> list[list[str]]:
        files = ("--payees", str(self.file("payees.csv")), "-o", str(self.file(name)))
        self.does("export", "--format", "paypal", "--currency", "EUR", *files)
        with self.file(name).open(newline="") as file:
            return list(csv.reader(file))

    def statements(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.does("list", "--json", *arguments))
        return found


def statuses(installation: TestInstallation, beneficiary: str) -> list[str]:
    entries = [logged.record for logged in read_committed(installation, REWARDS)]
    return [entry.status for entry in entries if entry.beneficiary == beneficiary]


def bought(user: str, order: str, day: int) -> list[Any]:
    """A user who comes by a code on a day, signs up, and buys."""
    at = T0 + day * DAY
    under = "BEN" if user.startswith("b") else "AMY"
    return [
        click(f"v {user}", under, campaign_id="affiliates", event_time=at),
        signup(user, f"v {user}", event_time=at + DAY // 2),
        purchase(user, order_id=order, event_time=at + DAY, currency="EUR"),
    ]


def test_what_is_granted_is_paid_once_and_taken_back(
    installation: TestInstallation, tmp_path: Path
) -> None:
    terms = {
        "trigger": "first_purchase",
        "referrer_reward_micros": 8 * UNIT,
        "referrer_reward_kind": "payout",
        "reward_currency": "EUR",
    }
    produce(installation, CAMPAIGNS, [campaign("affiliates", **terms)])
    owners = {"AMY": "amy", "BEN": "ben"}
    produce(
        installation, CODES, [code(n, "affiliates", owner_user_id=o) for n, o in owners.items()]
    )
    office = Office(installation, tmp_path)
    early = [*bought("uma", "o1", 0), *bought("una", "o2", 1), *bought("bob", "o3", 1)]
    produce(installation, EVENTS, [*early, *bought("ute", "o4", 4)])
    # Received weeks ago: after a tick a purchase would wait no longer for its signup.
    with (
        worker(installation, tmp_path / "worker.log", REFTRAIL_TICK_SECONDS="0"),
        warehouse(installation, tmp_path / "warehouse") as reports,
    ):
        until(lambda: len(statuses(installation, "amy")) == 3)
        until(lambda: statuses(installation, "ben"))
        _pay(office, installation)
        _take_back(office, installation)
        _check_the_fence(installation)
        assert read_committed(installation, DEAD_LETTERS) == []
        reports.wait_until_loaded()
        reports.kill()
        _check_the_warehouse(reports)


@pytest.mark.partitions(4)
def test_what_is_written_can_be_read_at_once(installation: TestInstallation) -> None:
    """By the next command: the broker acknowledges a commit before its markers are there."""
    partitions = [
        TopicPartition(installation.name_of(FULFILMENTS), n) for n in range(installation.partitions)
    ]
    report: dict[str, Any] = {
        "role": "referrer",
        "kind": "payout",
        "outcome": "delivered",
        "attempts": 1,
    }
    committed, all_there_is = (
        KafkaConsumer(bootstrap_servers=installation.bootstrap_servers, isolation_level=level)
        for level in ("read_committed", "read_uncommitted")
    )
    with (
        closing(committed),
        closing(all_there_is),
        payout_writer(installation, with_reports=True) as writer,
    ):
        for number in range(40):
            reports = [
                FulfilmentReported(
                    event_id=f"{number} {n}", event_time=1, received_at=1, reward_id=f"{n}",
                    code=f"C{n}", user_id="bob", **report,
                )
                for n in range(20)
            ]  # fmt: skip
            writer.write([], reports)
            assert committed.end_offsets(partitions) == all_there_is.end_offsets(partitions)


def _pay(office: Office, installation: TestInstallation) -> None:
    """September: two of Amy's rewards, since the third one's order can still be sent back."""
    done = office.prepares("2026-09")
    assert "16.00 EUR  prepared      amy" in done
    assert "8.00 EUR  below_minimum ben" in done
    assert done.endswith("2 prepared, 0 as they were\n")
    before = read_committed(installation, PAYOUTS)
    assert office.prepares("2026-09").endswith("0 prepared, 2 as they were\n")
    assert read_committed(installation, PAYOUTS) == before

    alone = office.tries("approve", "--period", "2026-09")
    assert alone.exit_code == 1
    assert "pat prepared it; somebody else has to approve it" in alone.stderr
    assert office.does("approve", "--period", "2026-09", actor="ann").endswith(
        "1 approved, 0 not\n"
    )

    (row,) = office.exports("september.csv")
    assert [row[0], *row[1:3], row[5]] == ["amy@example.com", "16.00", "EUR", "PAYPAL"]
    again = office.statements("--status", "exported")[0]["changes"][-1]["batch_id"]
    files = ("--payees", str(office.file("payees.csv")), "-o", str(office.file("again.csv")))
    office.does("export", "--format", "paypal", "--currency", "EUR", "--again", again, *files)
    assert office.file("again.csv").read_bytes() == office.file("september.csv").read_bytes()

    report = office.file("report.csv")
    report.write_text(
        f"Customer ID,Transaction Status,Amount,Currency,Transaction ID\n"
        f"{row[3]},Completed,-16.00,EUR,PP-1\nRTNOBODYKNOWSTHIS0,Completed,1.00,EUR,PP-2\n"
    )
    taken = office.tries("report", str(report))
    assert taken.exit_code == 1
    assert "unknown_reference: RTNOBODYKNOWSTHIS0" in taken.stderr
    assert taken.stdout.endswith("1 taken, 0 known before, 1 differ\n")
    assert "0 taken, 1 known before" in office.tries("report", str(report)).stdout
    until(lambda: statuses(installation, "amy").count("fulfilled") == 2)
    fulfilments = [logged.record for logged in read_committed(installation, FULFILMENTS)]
    assert [fulfilment.outcome for fulfilment in fulfilments] == [FulfilmentOutcome.DELIVERED] * 2
    assert {fulfilment.reference for fulfilment in fulfilments} == {row[3]}


def _take_back(office: Office, installation: TestInstallation) -> None:
    """October: an order that was paid for is sent back, and others are due."""
    produce(installation, EVENTS, [refund("una", order_id="o2", event_time=T0 + 12 * DAY)])
    produce(installation, EVENTS, bought("ulf", "o5", 12))
    until(lambda: "reversed" in statuses(installation, "amy"))
    until(lambda: len(statuses(installation, "amy")) == 7)
    assert "8.00 EUR  below_minimum amy" in office.prepares("2026-10")
    produce(installation, EVENTS, bought("uwe", "o6", 14))
    until(lambda: len(statuses(installation, "amy")) == 8)
    assert "16.00 EUR  prepared      amy" in office.prepares("2026-10")

    (statement,) = office.statements("--period", "2026-10", "--beneficiary", "amy")
    assert statement["statement"]["revision"] == 2
    assert sorted((line["reason"], line["amount_micros"]) for line in statement["lines"]) == [
        ("clawback", -8 * UNIT),
        *[("earned", 8 * UNIT)] * 3,
    ]
    office.does("approve", "--period", "2026-10", actor="ann")
    (row,) = office.exports("october.csv")
    bounced = ("--status", "rejected", "--detail", "no such account")
    office.does("report", "--reference", row[3], *bounced, "--amount", "16.00")
    until(lambda: statuses(installation, "amy").count("failed") == 3)
    assert "no such account" in office.does("show", row[3])

    office.prepares("2026-10-15..2026-11-05")
    office.does("approve", "--period", "2026-10-15..2026-11-05", actor="ann")
    rows = office.exports("november.csv")
    assert [(row[0], row[1]) for row in rows] == [("amy@example.com", "16.00")]
    assert rows[0][3] != row[3]
    office.does("report", "--reference", rows[0][3], "--status", "paid")
    until(lambda: statuses(installation, "amy").count("fulfilled") == 5)


def _check_the_fence(installation: TestInstallation) -> None:
    """Of two who prepare at the same time, the one who began first writes nothing."""
    terms, act = PayoutTerms(refund_window=0), Act("pat", T0 + 60 * DAY)
    before = read_committed(installation, PAYOUTS)
    with payout_writer(installation) as first:
        first.statements()
        with payout_writer(installation) as second:
            with pytest.raises(ExpectedError, match="another command about pay-outs began"):
                prepare_statements(first, terms, Period(T0, T0 + 60 * DAY), act)
            assert read_committed(installation, PAYOUTS) == before
            written, _ = prepare_statements(second, terms, Period(T0, T0 + 60 * DAY), act)
    assert [statement.prepared.beneficiary for statement in written] == ["ben"]


def _check_the_warehouse(reports: Any) -> None:
    """Settled and open amounts add up to the ledger in the warehouse, too."""
    settled = "SELECT sum(settled_micros) AS n FROM statement_settlements WHERE beneficiary = '{}'"
    worth = "SELECT sum(balance_micros) AS n FROM reward_balances WHERE beneficiary = '{}'"
    states = "SELECT count() AS n FROM current_statements WHERE status = '{}'"
    found = reports.numbers(
        settled.format("amy"),
        worth.format("amy"),
        settled.format("ben"),
        worth.format("ben"),
        states.format("paid"),
        states.format("failed"),
        "SELECT countIf(carried_over = 'below_minimum') AS n FROM current_statements",
    )
    assert found == [32 * UNIT, 32 * UNIT, 0, 8 * UNIT, 2, 1, 3]

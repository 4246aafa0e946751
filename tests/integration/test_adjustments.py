"""Adjustments by hand through every real host: HTTP, rules, ClickHouse, commands, explanation."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.collector import running_collector
from support.kafka import TestInstallation
from support.log import produce, read_committed
from support.warehouse import SECRET, RunningWarehouse, warehouse
from support.worker import worker
from typer.testing import CliRunner

from reftrail.campaigns import Campaign
from reftrail.campaigns.apply import apply_campaigns
from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topics import ADJUSTMENTS, CODES, DEAD_LETTERS, REWARD_GRANTED, REWARDS
from reftrail.testing import code

CAMPAIGN = {
    "campaign_id": "spring",
    "name": "Spring",
    "reward": {"currency": "EUR", "referrer": {"value": "10.00"}},
    "adjustments": {"approval_above": "100.00"},
    "fraud": {"grant_up_to": 999, "reject_from": 1000},
}
CREDIT = {
    "adjustment_id": "T1",
    "code": "amy",
    "user_id": "bob",
    "role": "referrer",
    "amount": "5.00",
    "currency": "EUR",
    "reason": "goodwill",
    "actor": "ann",
}


def until(holds: Callable[[], Any], seconds: float = 180) -> Any:
    """The first output, as soon as there is some."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
    return found


def adjusted(installation: TestInstallation) -> list[tuple[str, str, int]]:
    """The entries of adjustments: id, status, and value in cents."""
    entries = [logged.record for logged in read_committed(installation, REWARDS)]
    return [
        (entry.action.partition(":")[2], entry.status, entry.value_micros // 10_000)
        for entry in entries
        if entry.action.startswith("adjustment:")
    ]


def command(known: dict[str, str], *arguments: str) -> str:
    """The output of a command. Raises what it raises."""
    app = command_line(("rewards", "explain"))
    done = CliRunner().invoke(app, [*arguments], env=known)
    if isinstance(done.exception, ExpectedError):
        raise done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def waiting(reports: RunningWarehouse) -> list[dict[str, Any]]:
    """The adjustments that wait for approval."""
    found: list[dict[str, Any]] = reports.get("/v1/adjustments").json()["waiting"]
    return found


def balance(reports: RunningWarehouse) -> str:
    """Amy's balance, as she sees it."""
    found = reports.get("/v1/users/amy/rewards").json()["balance"]
    return str(found[0]["balance"]) if found else ""


def test_adjustments_are_booked_approved_shown_and_explained(
    installation: TestInstallation, tmp_path: Path
) -> None:
    apply_campaigns(installation, [Campaign.model_validate(CAMPAIGN)])
    produce(installation, CODES, [code("AMY", owner="amy")])
    with (
        running_collector(installation, tmp_path / "collector.log") as collector,
        worker(installation, tmp_path / "worker.log") as running,
        warehouse(installation, tmp_path / "warehouse") as reports,
        collector.client() as client,
    ):
        collector.wait_ready()
        running.wait_until_ready()
        known = {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
            "REFTRAIL_REPORTS_URL": reports.url,
            "REFTRAIL_SECRET_KEY": SECRET,
        }

        at = datetime.fromtimestamp(int(time.time()) - 60, UTC).isoformat()
        signup = {"type": "signup", "user_id": "bob", "code": "AMY", "event_time": at}
        assert client.post("/v1/events", json=signup).json()["rejected"] == []
        until(lambda: read_committed(installation, REWARDS))

        for _ in range(2):
            answer = client.post("/v1/adjustments", json=CREDIT)
            assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
        other = client.post("/v1/adjustments", json=CREDIT | {"amount": "6.00"})
        assert (other.status_code, other.json()["pointer"]) == (422, "/adjustment_id")
        five = ("--credit", "5", "--currency", "EUR", "--reason", "error", "--id", "T1")
        with pytest.raises(ExpectedError, match="another adjustment has the id T1"):
            command(known, "rewards", "adjust", "AMY", "bob", *five)

        many = {"adjustment_id": "T2", "amount": "-150.00", "reason": "error"}
        assert client.post("/v1/adjustments", json=CREDIT | many).status_code == 202
        until(lambda: len(adjusted(installation)) == 2)
        assert sorted(adjusted(installation)) == [("T1", "adjusted", 500), ("T2", "held", -15_000)]
        assert len(read_committed(installation, ADJUSTMENTS)) == 3

        until(lambda: waiting(reports))
        assert "AMY bob: -150.00 EUR credit to referrer amy\n" in command(
            known, "rewards", "pending"
        )
        decided = {"adjustment_id": "T2", "code": "AMY", "user_id": "bob", "decision": "approve"}
        own = client.post("/v1/adjustments/decisions", json=decided | {"actor": "Ann"})
        assert own.status_code == 202
        (refused,) = until(lambda: read_committed(installation, DEAD_LETTERS))
        assert refused.record.reason == "not_allowed"
        command(known, "rewards", "approve", "AMY", "bob", "T2", "--actor", "bea")
        until(lambda: len(adjusted(installation)) == 3)
        assert adjusted(installation)[-1] == ("T2", "adjusted", -15_000)
        ordered = {logged.record.action for logged in read_committed(installation, REWARD_GRANTED)}
        assert ordered == {"signup", "adjustment:T1"}

        until(lambda: not waiting(reports) and balance(reports) == "-135.00")
        (row,) = reports.get("/v1/reports/rewards?by=code").json()["rows"]
        assert (row["reward_value"], row["adjustments"], row["adjusted_value"]) == (
            "10.00",
            2,
            "-145.00",
        )

        explained = json.loads(command(known, "explain", "AMY", "bob", "--json"))
        causes = [cause for story in explained["stories"] for cause in story["causes"]]
        assert {"adjustment", "decision"} <= {cause["what"] for cause in causes}
        (rewards,) = (
            derivation for derivation in explained["derivations"] if derivation["stage"] == "reward"
        )
        assert (rewards["verdict"], rewards["differences"]) == ("same", [])
        assert "actor bea" in command(known, "explain", "AMY", "bob")

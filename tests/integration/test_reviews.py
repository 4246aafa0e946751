"""A reward that is held, seen by an analyst, decided on over HTTP: through every real host."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from support.collector import HASH_KEY, running_collector
from support.kafka import TestInstallation
from support.log import produce, read_committed
from support.warehouse import SECRET, warehouse
from support.worker import worker
from typer.testing import CliRunner

from reftrail.campaigns import Campaign
from reftrail.campaigns.apply import apply_campaigns
from reftrail.cli.main import command_line
from reftrail.contracts.topics import CODES, DEAD_LETTERS, REWARD_GRANTED, REWARDS
from reftrail.testing import code

BOTH = ("referrer", "referee")


def until(holds: Callable[[], Any], seconds: float = 180) -> Any:
    """The first output, as soon as there is some."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
    return found


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def signup_of_a_machine(client: httpx.Client, user: str, **actual: str) -> None:
    """Click and signup within a second, a minute ago."""
    at = int(time.time()) - 60
    events = [
        {
            "type": "click",
            "visitor_id": user,
            "code": "AMY",
            "event_time": rfc3339(at),
        },
        {
            "type": "signup",
            "visitor_id": user,
            "user_id": user,
            "event_time": rfc3339(at + 1),
        }
        | actual,
    ]
    answer = client.post("/v1/events", json={"events": events})
    assert (answer.status_code, answer.json()["rejected"]) == (202, [])


def statuses(installation: TestInstallation, user: str) -> dict[str, list[str]]:
    """The entries of a user's rewards, by role."""
    found: dict[str, list[str]] = {}
    for logged in read_committed(installation, REWARDS):
        if logged.record.user_id == user:
            found.setdefault(logged.record.role, []).append(logged.record.status)
    return found


def test_what_is_held_is_seen_and_decided(installation: TestInstallation, tmp_path: Path) -> None:
    watchful = {
        "campaign_id": "spring",
        "name": "Spring",
        "reward": {"referrer": {"value": "5.00"}, "referee": {"value": "3.00"}},
        "fraud": {"weights": {"fast_signup": 60, "instant_signup": 0, "suspicious_code": 0}},
    }
    apply_campaigns(installation, [Campaign.model_validate(watchful)])
    produce(installation, CODES, [code("AMY", owner="amy")])
    at = {"REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers}
    blocked = CliRunner().invoke(
        command_line(("lists",)),
        ["lists", "add", "block", "device", "farm 7"],
        env=at
        | {"REFTRAIL_TOPIC_PREFIX": installation.topic_prefix, "REFTRAIL_HASH_KEY": HASH_KEY},
    )
    assert blocked.exit_code == 0, blocked.output
    with (
        running_collector(installation, tmp_path / "collector.log") as collector,
        worker(installation, tmp_path / "worker.log") as running,
        warehouse(installation, tmp_path / "warehouse") as reports,
        collector.client() as client,
    ):
        collector.wait_ready()
        running.wait_until_ready()
        for user in ("bob", "eve"):
            signup_of_a_machine(client, user)
        signup_of_a_machine(client, "mallory", device_id="farm 7")

        def held() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = reports.get("/v1/reviews").json()["held"]
            return found

        until(lambda: len(held()) == 4)
        bobs = {reward["role"]: reward for reward in held() if reward["user_id"] == "bob"}
        assert bobs["referrer"]["score"] == 60
        assert [evidence_item["reason"] for evidence_item in bobs["referrer"]["evidence"]] == [
            "fast_signup"
        ]
        assert bobs["referrer"]["evidence"][0]["figures"]["took_ms"] == 1000
        assert read_committed(installation, REWARD_GRANTED) == []

        shown = CliRunner().invoke(
            command_line(("reviews",)),
            ["reviews", "list", "--user", "bob"],
            env={"REFTRAIL_REPORTS_URL": reports.url, "REFTRAIL_SECRET_KEY": SECRET},
        )
        assert shown.exit_code == 0, shown.output
        assert "AMY bob: 5.00 USD credit to referrer amy\n  score 60, held 20" in shown.stdout
        assert "    60  fast_signup: limit_ms 10000, took_ms 1000\n" in shown.stdout
        assert shown.stdout.endswith("2 held\n")

        until(lambda: statuses(installation, "mallory"))
        assert statuses(installation, "mallory") == {role: ["rejected"] for role in BOTH}

        decisions = [
            {"code": "AMY", "user_id": "bob", "decision": "approve", "reviewer": "ann"},
            {"code": "AMY", "user_id": "eve", "decision": "decline", "reviewer": "ann"},
            {"code": "AMY", "user_id": "eve", "decision": "approve", "reviewer": "ann"},
        ]
        answer = client.post("/v1/reviews", json={"reviews": decisions})
        assert (answer.status_code, answer.json()) == (202, {"accepted": 3, "rejected": []})

        until(lambda: not held())
        assert statuses(installation, "bob") == {role: ["held", "granted"] for role in BOTH}
        assert statuses(installation, "eve") == {role: ["held", "rejected"] for role in BOTH}
        granted = [logged.record for logged in read_committed(installation, REWARD_GRANTED)]
        assert {grant.beneficiary for grant in granted} == {"amy", "bob"}
        (refused,) = until(lambda: read_committed(installation, DEAD_LETTERS))
        assert refused.record.reason == "not_allowed"

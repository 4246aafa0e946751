"""From events to what the commands print: worker, warehouse and command line on a real broker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.kafka import TestInstallation
from support.log import Logged, produce, read_committed, read_until
from support.programme import T0, campaign, click, code, purchase, signup
from support.warehouse import SECRET, RunningWarehouse, warehouse
from support.worker import wait_until_decided, worker
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import (
    ATTRIBUTION_INPUTS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    REWARD_INPUTS,
    REWARDS,
)

EVENTS_SENT = [
    click("v1", "AMY", campaign_id="spring", event_id="the-click"),
    signup("uma", "v1", event_time=T0 + DAY, event_id="the-signup"),
    click("v2", "AMY", campaign_id="spring"),
    signup("amy", "v2", event_time=T0 + DAY),
    click("v3", "BOB", campaign_id="spring"),
    signup("wes", None, event_time=T0 + DAY),
    purchase("wes", event_time=T0 + 2 * DAY),
]


class Running:
    """An installation whose events were decided on and loaded, and the command line for it."""

    def __init__(self, installation: TestInstallation, host: RunningWarehouse) -> None:
        self.installation = installation
        self._host = host

    def command(self, *arguments: str) -> str:
        environment = {
            "REFTRAIL_REPORTS_URL": self._host.url,
            "REFTRAIL_SECRET_KEY": SECRET,
            "REFTRAIL_BOOTSTRAP_SERVERS": self.installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": self.installation.topic_prefix,
        }
        app = command_line(("report", "explain", "user", "leaderboard"))
        done = CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def explained(self, code: str, user: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("explain", code, user, "--json"))
        return found


@pytest.fixture
def running(installation: TestInstallation, tmp_path: Path) -> Iterator[Running]:
    terms = {"referrer_reward_micros": 5_000_000, "referee_reward_micros": 2_500_000}
    produce(installation, CAMPAIGNS, [campaign("spring", **terms)])
    codes = [code(name, "spring", owner_user_id=name.lower()) for name in ("AMY", "BOB")]
    produce(installation, CODES, codes)
    produce(installation, EVENTS, EVENTS_SENT)
    with (
        worker(installation, tmp_path / "worker.log"),
        warehouse(installation, tmp_path / "warehouse") as host,
    ):
        assert len(read_until(installation, REWARDS, lambda found: len(found) >= 4)) == 4
        wait_until_decided(installation)  # also on what is nobody's reward
        assert len(read_committed(installation, REWARDS)) == 4
        host.wait_until_loaded()
        yield Running(installation, host)


def only(installation: TestInstallation, topic: Any, **fields: Any) -> list[Logged]:
    return [
        logged
        for logged in read_committed(installation, topic)
        if all(getattr(logged.record, name, None) == value for name, value in fields.items())
    ]


def place(link: dict[str, Any]) -> tuple[int, int]:
    return link["partition"], link["offset"]


def test_the_commands_tell_what_was_decided_and_why(running: Running) -> None:
    funnel = json.loads(running.command("report", "funnel", "--by", "code", "--format", "json"))
    assert [
        (row["code"], row["clicks"], row["attributed"], row["rewards_granted"], row["reward_value"])
        for row in funnel["rows"]
    ] == [("AMY", 2, 2, 2, "7.50"), ("BOB", 1, 0, 0, "0.00"), (None, 0, 0, 0, "0.00")]
    assert "7.50" in running.command("report", "rewards", "--by", "code")
    assert running.command("report", "attribution", "--format", "csv").startswith("campaign_id,")

    _check_the_chain(running)
    _check_a_rejection(running)
    _check_where_nothing_was_earned(running)
    _check_what_a_user_has(running)
    _check_what_nobody_decided(running)

    with pytest.raises(ExpectedError, match="does not know this secret key"):
        running.command("report", "funnel", "--secret-key", "wrong")


def _check_the_chain(running: Running) -> None:
    found = running.explained("AMY", "uma")
    (story,) = found["stories"]

    entries = only(running.installation, REWARDS, user_id="uma")
    (claim,) = only(running.installation, REWARD_INPUTS, user_id="uma", action="signup")
    (conversion,) = only(running.installation, ATTRIBUTION_INPUTS, user_id="uma")
    (event,) = only(running.installation, EVENTS, event_id="the-signup")
    (touch,) = only(running.installation, EVENTS, event_id="the-click")
    assert {place(entry) for entry in story["entries"]} == {
        (e.partition, e.offset) for e in entries
    }
    assert [(cause["topic"], *place(cause)) for cause in story["causes"]] == [
        ("reward-inputs", claim.partition, claim.offset),
        ("attribution-inputs", conversion.partition, conversion.offset),
        ("events", event.partition, event.offset),
    ]
    assert place(story["touch"]) == (touch.partition, touch.offset)
    assert story["gaps"] == []
    assert {entry["fields"]["value"] for entry in story["entries"]} == {"5.00", "2.50"}
    assert found["terms"]["campaign spring v1"]["referrer_reward"] == "5.00"
    assert found["terms"]["code AMY"]["owner_user_id"] == "amy"
    text = running.command("explain", "AMY", "uma")
    assert f"events/{event.partition} offset {event.offset}" in text
    assert "User uma is attributed to AMY by first touch" in text
    assert [
        (derivation["stage"], derivation["verdict"]) for derivation in found["derivations"]
    ] == [
        ("touch", "same"),
        ("attribution", "same"),
        ("reward", "same"),
    ]
    inputs = found["derivations"][2]["inputs"]
    (checked,) = only(running.installation, REWARD_INPUTS, user_id="uma", kind="pair")
    assert [(input_["topic"], *place(input_)) for input_ in inputs] == [
        ("reward-inputs", claim.partition, claim.offset),
        ("reward-inputs", checked.partition, checked.offset),
    ]
    assert found["derivations"][2]["outputs"] == 2
    assert "reward       same: 2 events from 2 inputs" in text


def _check_a_rejection(running: Running) -> None:
    found = running.explained("AMY", "amy")

    assert {entry["fields"]["status"] for entry in found["stories"][0]["entries"]} == {"rejected"}
    assert "Reasons given: clock_ahead, self_referral." in found["summary"]
    fields = found["stories"][0]["entries"][0]["fields"]
    assert fields["score"] == 130
    weights = {
        evidence_item["reason"]: evidence_item["weight"] for evidence_item in fields["evidence"]
    }
    assert weights == {"clock_ahead": 30, "self_referral": 100}
    assert found["derivations"][2]["verdict"] == "same"


def _check_what_nobody_decided(running: Running) -> None:
    """An entry that somebody else has put into the ledger is found out."""
    (one,) = only(running.installation, REWARDS, user_id="uma", role="referrer")
    dearer = msgspec.structs.replace(one.record, value_micros=9_000_000)
    produce(running.installation, REWARDS, [dearer])

    reward = running.explained("AMY", "uma")["derivations"][2]

    assert reward["verdict"] == "differs"
    assert [found["what"] for found in reward["differences"]] == ["is in the log twice", "differs"]
    assert reward["differences"][1]["fields"] == {"value_micros": [9_000_000, 5_000_000]}
    assert place(reward["differences"][1])[0] == one.partition


def _check_what_a_user_has(running: Running) -> None:
    found = json.loads(running.command("user", "amy", "--json"))
    assert [(balance["balance"], balance["currency"]) for balance in found["balance"]] == [
        ("5.00", "USD")
    ]
    assert [code["code"] for code in found["codes"]] == ["AMY"]
    text = running.command("user", "amy", "--limit", "1")
    assert "  5.00 USD credit\n" in text
    assert "more with: --before" in text
    assert "has earned nothing" in running.command("user", "nobody/else")
    (leader,) = json.loads(running.command("leaderboard", "--campaign", "spring", "--json"))
    assert (leader["user_id"], leader["users"], leader["rewards"]) == ("amy", 1, 1)
    board = running.command("leaderboard").splitlines()
    assert any(line.split()[1:8:2] == ["1", "amy", "1", "1"] for line in board), board
    assert "nobody has brought anybody" in running.command("leaderboard", "--campaign", "winter")


def _check_where_nothing_was_earned(running: Running) -> None:
    wes = running.explained("BOB", "wes")
    assert wes["stories"] == []
    assert [derivation["verdict"] for derivation in wes["derivations"]] == [
        "same",
        "nothing",
        "nothing",
    ]
    assert any("is attributed to nobody" in line for line in wes["summary"])
    assert "No reward was decided on." in wes["summary"]

    other_code = running.explained("BOB", "uma")
    assert "A user is attributed once, so BOB cannot earn by uma." in other_code["summary"]

    stranger = running.explained("ZED", "nobody")
    assert "Code ZED is not registered." in stranger["summary"]
    assert "User nobody has not signed up." in stranger["summary"]

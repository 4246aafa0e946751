"""`reftrail campaigns`, `codes` and `ingest` as one types them, against a running collector."""

import getpass
import json
import os
import re
from pathlib import Path

from support.codes import sqlite_url
from support.codes_host import codes_host
from support.collector import SECRET, RunningCollector
from support.host_process import run_command
from support.kafka import TestInstallation
from support.log import read_committed
from support.metrics import wait_until

from reftrail.contracts.events import Event
from reftrail.contracts.topics import CODE_ACTS, CODES, EVENTS

CAMPAIGN = """
[[campaign]]
campaign_id = "summer"
name = "Summer"
trigger = "first_purchase"
referrer_reward = "5.00"
"""
EVENTS_CSV = """action,who,ref,total,when
visit,v1,AMY1,,1.7.2025 10:00
visit,v2,WRONG/CODE,,1.7.2025 10:01
sale,v1,,19.99,1.7.2025 10:05
ping,v1,,,1.7.2025 10:05
"""
MAPPING = """
fields = { visitor_id = "who", user_id = "who", order_id = "when", code = "ref", amount = "total" }
constants = { currency = "EUR" }
type = { column = "action", values = { visit = "click", sale = "purchase" }, ignore = ["ping"] }
time = { column = "when", format = "%d.%m.%Y %H:%M", timezone = "Europe/Berlin" }
"""


class Commands:
    """The command line of one installation, in a directory of its own."""

    def __init__(
        self, directory: Path, installation: TestInstallation, collector: RunningCollector
    ) -> None:
        self.directory = directory
        self.environment = os.environ | {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
            "REFTRAIL_COLLECTOR_URL": collector.url,
            "REFTRAIL_SECRET_KEY": SECRET,
            "REFTRAIL_CODES_STORE": sqlite_url(directory),
        }

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        done = run_command(*arguments, environment=self.environment, directory=self.directory)
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if exit_code == 0 else done.stdout + done.stderr


def test_a_programme_from_the_command_line(
    collector: RunningCollector, installation: TestInstallation, tmp_path: Path
) -> None:
    reftrail = Commands(tmp_path, installation, collector)
    (tmp_path / "summer.toml").write_text(CAMPAIGN)
    assert "summer: version 1" in reftrail.run("campaigns", "apply", "summer.toml")
    assert "summer: unchanged, version 1" in reftrail.run("campaigns", "apply", "summer.toml")
    assert "5.00 USD" in reftrail.run("campaigns", "list")
    shown = reftrail.run("campaigns", "show", "summer")
    assert 'attribution_window = "30 days"' in shown
    assert '"5.00"' in shown
    assert "campaigns list" in reftrail.run("campaigns", "show", "x", exit_code=1)

    add = ("codes", "add", "AMY1", "--owner", "amy")
    assert "no campaign winter" in reftrail.run(*add, "--campaign", "winter", exit_code=3)
    assert "--campaign is needed" in reftrail.run(*add, exit_code=2)
    with codes_host(installation, reftrail.environment["REFTRAIL_CODES_STORE"], tmp_path / "log"):
        assert "added 1, unchanged 0" in reftrail.run(*add, "--campaign", "summer")
        assert "added 0, unchanged 1" in reftrail.run(*add, "--campaign", "summer")
        (tmp_path / "codes.csv").write_text("code,owner,campaign\nBOB1,bob,summer\n")
        assert "added 1, unchanged 0" in reftrail.run("codes", "add", "--from", "codes.csv")
    assert re.search("owner_user_id: +amy", reftrail.run("codes", "show", "AMY1"))
    # Nobody relays any more, so the command does it itself.
    assert "status: revoked" in reftrail.run("codes", "revoke", "BOB1")
    assert {
        message.record.code: message.record.status
        for message in read_committed(installation, CODES)
    } == {
        "AMY1": "active",
        "BOB1": "revoked",
    }
    assert reftrail.run("codes", "link", "AMY1").strip() == f"{collector.url}/r/AMY1"
    acts = [message.record for message in read_committed(installation, CODE_ACTS)]
    assert {act.actor for act in acts} == {f"cli:{getpass.getuser()}"}

    (tmp_path / "shop.csv").write_text(EVENTS_CSV)
    (tmp_path / "map.toml").write_text(MAPPING)
    ingest = ("ingest", "shop.csv", "--mapping", "map.toml")
    for _ in range(2):
        actual = reftrail.run(*ingest, exit_code=1)
        assert "accepted 2, rejected 1, ignored 1" in actual
    rejected = json.loads((tmp_path / "shop.csv.rejected.jsonl").read_text())
    assert (rejected["line"], rejected["pointer"]) == (3, "/code")
    found = [logged.record for logged in read_committed(installation, EVENTS)]
    assert len(found) == 4
    events = {event.event_id: event for event in found}
    click, purchase = sorted(events.values(), key=lambda event: event.event_time)
    assert isinstance(click, Event)
    assert isinstance(purchase, Event)
    assert (click.code, click.code_known, click.campaign_id) == ("AMY1", True, "summer")
    assert (click.event_time, purchase.amount_micros) == (1_751_356_800_000, 19_990_000)


LINKS = """
[campaign.links]
web = "https://summer.example/{page}"
fallback = "https://summer.example/over"
"""


def test_links_follow_a_changed_campaign_and_a_revoked_code(
    collector: RunningCollector, installation: TestInstallation, tmp_path: Path
) -> None:
    reftrail = Commands(tmp_path, installation, collector)
    file = tmp_path / "summer.toml"
    phone = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"}

    def leads_to(page: str) -> bool:
        with collector.client(None) as client:
            return client.head("/r/amy1?a=1", headers=phone).headers["location"] == page

    file.write_text(CAMPAIGN)
    reftrail.run("campaigns", "apply", "summer.toml")
    reftrail.run("codes", "add", "AMY1", "--campaign", "summer")
    landing = "https://shop.example/welcome?lang=en&a=1&ref=amy1"
    wait_until(lambda: leads_to(landing), 30)
    for page in ("one", "two"):
        file.write_text(CAMPAIGN + LINKS.format(page=page))
        reftrail.run("campaigns", "apply", "summer.toml")
        wait_until(lambda: leads_to(f"https://summer.example/{page}?a=1&ref=amy1"), 30)  # noqa: B023
    reftrail.run("codes", "revoke", "AMY1")
    wait_until(lambda: leads_to("https://summer.example/over?a=1&ref_problem=revoked"), 30)
    assert collector.process.poll() is None

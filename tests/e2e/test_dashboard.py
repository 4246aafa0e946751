"""The dashboard of a real stack: a reviewer approves a held reward, and reads its chain."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import local_http
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.local.ready import READY_FILE, Ready, read_ready
from reftrail.local.stack import Stack, StackSettings

CAMPAIGN = """
[[campaign]]
campaign_id = "spring"
name = "Spring"
[campaign.reward.referrer]
value = "5.00"
[campaign.fraud.weights]
fast_signup = 60
instant_signup = 0
suspicious_code = 0
"""
REVIEWER_SCOPES = ("reports:read", "users:read", "reviews:write")


def until(found: Callable[[], Any], seconds: float = 120) -> Any:
    """The first answer that is something."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
    return answer


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def stack(data_dir: Path) -> Iterator[Ready]:
    with Stack(StackSettings(data_dir, partitions=2)):
        yield read_ready(data_dir / READY_FILE)


@pytest.fixture
def reftrail(stack: Ready, data_dir: Path) -> Callable[..., str]:
    """The command line, on this stack; what it prints."""

    def run(*arguments: str) -> str:
        environment = {"REFTRAIL_READY_FILE": str(data_dir / READY_FILE)}
        done = CliRunner().invoke(command_line(arguments[:1]), arguments, env=environment)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout.strip()

    return run


class Browser:
    """Somebody who has signed in."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"accept": "text/html"}, timeout=60)
        until(lambda: self.http.post("/signin", data={"key": key}).status_code == 303)

    def page(self, path: str) -> str:
        """The text of a page, without its tags."""
        return unescape(re.sub(r"<[^>]+>", "", self.source(path)))

    def source(self, path: str) -> str:
        return self.http.get(path).raise_for_status().text

    def decision_about(self, user: str) -> dict[str, str] | None:
        """The hidden fields of the form for deciding on a user's reward."""
        forms = re.findall(r'<form method="post" action="/review".*?</form>',
                           self.source("/review"), re.DOTALL)  # fmt: skip
        fields = [dict(re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', f)) for f in forms]
        return next((found for found in fields if found["user_id"] == user), None)


def test_a_held_reward_is_approved_and_explained(
    stack: Ready, reftrail: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "campaigns.toml").write_text(CAMPAIGN)
    reftrail("campaigns", "apply", str(tmp_path / "campaigns.toml"))
    reftrail("codes", "add", "AMY", "--owner", "amy", "--campaign", "spring")
    scopes = [text for scope in REVIEWER_SCOPES for text in ("--scope", scope)]
    browser = Browser(
        stack.reports_url, reftrail("keys", "create", "ann", "--kind", "secret", *scopes)
    )
    until(lambda: "amy" in browser.page("/codes/AMY"))

    send_a_fast_signup(stack)
    form = until(lambda: browser.decision_about("bob"))
    reward = f"/rewards/{form['reward_id']}"
    assert "Held: 5.00 USD for the referrer" in browser.page(reward)
    decided = browser.http.post(
        "/review", data=form | {"decision": "approve", "note": "I know him"}
    )
    assert (decided.status_code, decided.headers["location"]) == (303, "/review?done=approve")

    until(lambda: "Granted: 5.00 USD for the referrer" in browser.page(reward))
    until(lambda: re.search(r"approve by ann\b.*?I know him", browser.page(reward), re.DOTALL))
    assert until(lambda: browser.decision_about("bob") is None)

    chain = browser.page(f"{reward}/explanation")
    assert "Code AMY, user bob" in chain
    assert "approved" in chain
    again = chain.partition("Derived again from the log")[2]
    assert re.findall(r"^ +(\w+) +same: [1-9]", again, re.MULTILINE) >= ["attribution", "reward"]
    assert "differs" not in again


def send_a_fast_signup(stack: Ready) -> None:
    """A click and the signup a second later, a minute ago."""
    at = time.time() - 60
    click = {"type": "click", "visitor_id": "v1", "code": "AMY", "event_time": rfc3339(at)}
    signup = {"type": "signup", "visitor_id": "v1", "user_id": "bob", "event_time": rfc3339(at + 1)}
    sent = local_http.post(
        f"{stack.collector_url}/v1/events",
        headers={"authorization": f"Bearer {stack.secret_key}"},
        json={"events": [click, signup]},
    )
    assert sent.json() == {"accepted": 2, "rejected": []}


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()

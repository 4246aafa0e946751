"""`examples/shop/README.md`, followed to the letter: its commands, and a browser."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from reftrail.local.held_process import HeldProcess
from reftrail.local.ports import free_port

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "examples" / "shop" / "README.md").read_text()


class Follower:
    """Somebody who types what the page says, with another folder and port than it has."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self.running: list[HeldProcess[str]] = []
        self.open_shell()

    def open_shell(self) -> None:
        """Forget the variables of the shell before."""
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "REFTRAIL_READY_FILE": str(self.data / "ready.json"),
            "COLUMNS": "200",
        }

    def lines(self, block: str) -> list[str]:
        """The commands of a block of the page, as they are typed here."""
        mine = block.replace(".data", str(self.data)).replace("8000", str(self.port))
        return [
            line
            for line in mine.strip().splitlines()
            if not line.startswith((". .venv", "make setup", "pip install"))
        ]

    def type(self, script: list[str], seconds: float = 300) -> str:
        """What commands print; variables that they set are there for later ones."""
        shown = "\n".join([*script, "echo; echo ---; env -0"])
        run = subprocess.run(
            ["bash", "-ec", f"set -a; {shown}"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        printed, _, environment = run.stdout.rpartition("---\n")
        self.environment = dict(
            pair.split("=", 1) for pair in environment.split("\0") if "=" in pair
        )
        return printed

    def start(self, script: list[str], until: str) -> None:
        """Leave a command running, once a further command succeeds."""
        [command] = script
        process = HeldProcess[str](
            ("bash", "-c", f"exec {command}"), cwd=ROOT, env=self.environment, text=True
        )
        self.running.append(process)
        end = time.monotonic() + 180
        while subprocess.run(["bash", "-c", until], check=False, capture_output=True).returncode:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path / "data", free_port())
    yield made
    for process in reversed(made.running):
        process.send_signal(signal.SIGINT)
        process.wait(180)
    shutil.rmtree(tmp_path)


def test_a_shop_has_referrals_after_what_the_page_says(follower: Follower, page: Page) -> None:
    blocks = re.findall(r"^```console\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    up, find, campaign, keys, install, shop, look = (follower.lines(block) for block in blocks)
    assert install == []
    follower.start(up, f"test -e {follower.data}/ready.json")
    follower.type([*find, *campaign, *keys])
    follower.start(shop, f"curl -sf http://127.0.0.1:{follower.port}/")

    [link] = re.findall(r"<(http://127.*?)>", TEXT)
    page.goto(link.replace("8000", str(follower.port)))
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Name").fill("bob")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("link", name="Teapot", exact=True).click()
    page.get_by_role("button", name="Buy").click()
    page.get_by_text("Thank you for 1 teapot.").wait_for()

    follower.open_shell()
    end = time.monotonic() + 180
    while "5.00 EUR" not in (said := granted(follower)):
        assert time.monotonic() < end, said
        time.sleep(1)
    printed = follower.type(look)
    for shown in ("click", "signup", "purchase", "granted", "AMY"):
        assert shown in printed


def granted(follower: Follower) -> str:
    """What the warehouse says of Amy, once it knows her."""
    try:
        return follower.type(["reftrail user amy"])
    except AssertionError as error:
        return str(error)

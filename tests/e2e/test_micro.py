"""`reftrail micro` as people start it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from support import local_http
from support.metrics import wait_until

from reftrail.local.held_process import HeldProcess, output_of
from reftrail.local.ports import answers, free_port

COMMAND = ("-m", "reftrail.cli.main", "micro")
SLOW = ("aiokafka", "kafka", "sqlalchemy", "numpy", "httpx", "clickhouse_connect", "rocksdict")

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"


@contextmanager
def running(*command: str, **environment: str) -> Iterator[HeldProcess[str]]:
    process = HeldProcess[str](
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(180) == 0


def said_at_start(process: HeldProcess[str]) -> str:
    assert process.stdout is not None
    said = ""
    while "publishable key" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def test_it_decides_under_its_own_key(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[campaign]\ncampaign_id = "spring"\nname = "Spring"\nreferrer_reward = "5.00"\n'
        'referee_reward = "5.00"\n'
    )
    url = f"http://127.0.0.1:{(port := free_port())}"
    options = ("--code", "EVE=eve", "--port", str(port), "--secret-key", "sk_mine")
    # Settings of an installation in the environment change nothing.
    others = {
        "REFTRAIL_SECRET_KEYS": "other",
        "REFTRAIL_HASH_KEY": "none",
        "REFTRAIL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "REFTRAIL_ADDRESS_EVENT_RATE": "1",
    }
    with running(*COMMAND, str(policy), *options, **others) as process:
        assert f"{url}/micro" in said_at_start(process)
        event = {"type": "signup", "user_id": "bob", "code": "eve"}
        headers = {"authorization": "Bearer sk_mine"}
        assert local_http.post(f"{url}/v1/events", json=event, headers=headers).status_code == 202
        (attribution,) = local_http.get(f"{url}/micro/rewards").json()["attributions"]
        assert (attribution["user_id"], attribution["code"]) == ("bob", "EVE")


def test_the_example_shop_can_be_tried_with_it() -> None:
    """The commands of its page, on other ports."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```", (SHOP / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    micro, shop = (block.split() for block in blocks)
    assert micro[:2] == ["reftrail", "micro"]
    assert (shop[0], shop[1]) == ("REFTRAIL_SECRET_KEY=sk_micro", "python")
    port, shop_port = free_port(), free_port()
    collector, url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{shop_port}"
    server = [word.replace("http://127.0.0.1:8080", collector) for word in shop[2:]]
    with (
        running(*COMMAND, *micro[2:], "--port", str(port)) as process,
        running(*server, "--port", str(shop_port), REFTRAIL_SECRET_KEY="sk_micro"),
        httpx.Client(base_url=url, follow_redirects=True) as browser,
    ):
        said_at_start(process)
        wait_until(lambda: answers(shop_port), seconds=180)
        browser.headers["user-agent"] = "Mozilla/5.0 Firefox/140.0"
        click = {"type": "click", "visitor_id": "v1", "code": "AMY"}
        taken = browser.post(f"{collector}/v1/events?key=pk_micro", json=click)
        assert taken.json()["accepted"] == 1
        browser.post("/signup", data={"user": "bob", "reftrail_visitor_id": "v1"})
        assert "1 teapot." in browser.post("/buy").text

        def granted() -> list[str]:
            found = local_http.get(f"{collector}/micro/rewards").json()["rewards"]
            return [entry["beneficiary"] for entry in found if entry["status"] == "granted"]

        wait_until(lambda: len(granted()) == 2, seconds=180)
        assert granted() == ["amy", "bob"]


def test_its_start_imports_nothing_slow() -> None:
    script = "import json, sys, reftrail.cli.micro; print(json.dumps(sorted(sys.modules)))"
    imported = json.loads(output_of([sys.executable, "-c", script]))
    assert set(SLOW) & set(imported) == set()

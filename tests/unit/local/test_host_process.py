"""Hosts of tests are forks, but begin and end as by `python -m`."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fulfilment import wait_until
from support.host_process import HostProcess, run_command

Started = Callable[[str], HostProcess]

REPORT = """
import json, os, random, sys
print(json.dumps({
    "name": __name__,
    "argv": sys.argv[1:],
    "environment": dict(os.environ),
    "group": os.getpgid(0),
    "random": random.random(),
    "imported": "reftrail.warehouse.main" in sys.modules,
}))
sys.stderr.write("said")
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def started(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """Starts a host with such a `__main__`."""
    monkeypatch.syspath_prepend(tmp_path)

    def start(code: str) -> HostProcess:
        package = tmp_path / "some_host"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(code)
        return HostProcess("some_host", {"ONLY": "this"}, log)

    return start


def test_a_host_has_its_own_variables_group_and_log(started: Started, log: Path) -> None:
    log.write_text("before\n")

    host = started(REPORT)

    assert host.wait(180) == 0
    first, line, said = log.read_text().splitlines()
    found = json.loads(line)
    assert (first, said) == ("before", "said")
    assert (found["name"], found["argv"]) == ("__main__", [])
    assert found["environment"] == {"ONLY": "this"}
    assert found["group"] == host.pid != os.getpgid(0)
    assert found["imported"], "all hosts are imported before"


def test_hosts_draw_other_random_numbers(started: Started, log: Path) -> None:
    for host in (started(REPORT), started(REPORT)):
        assert host.wait(180) == 0

    reports = log.read_text().replace("said", "").splitlines()
    drawn = [json.loads(report)["random"] for report in reports]
    assert len(set(drawn)) == 2


@pytest.mark.parametrize(
    ("code", "ends_with", "says"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import os; os._exit(4)", 4, ""),
        ("raise ValueError('no')", 1, "ValueError: no"),
    ],
)
def test_how_it_ended(started: Started, log: Path, code: str, ends_with: int, says: str) -> None:
    host = started(code)

    assert host.wait(180) == ends_with
    assert host.poll() == ends_with
    assert says in log.read_text()
    host.kill()  # nothing is there any more


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signals_end_it(started: Started, log: Path, number: int) -> None:
    host = started("import time\nprint('there', flush=True)\ntime.sleep(300)")
    wait_until(lambda: "there" in log.read_text())
    assert host.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        host.wait(0)

    host.send_signal(number)

    assert host.wait(180) == -number


def test_a_command_says_what_it_says_where_it_is_run(tmp_path: Path) -> None:
    (tmp_path / "spring.toml").write_text("[[campaign]]\ncampaign_id = 3\n")
    told = {"PATH": os.environ["PATH"]}

    helped = run_command("--help", environment=told)
    refused = run_command("campaigns", "lint", "spring.toml", environment=told, directory=tmp_path)

    assert (helped.returncode, helped.stderr) == (0, "")
    assert "campaigns" in helped.stdout
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "spring.toml" in refused.stderr

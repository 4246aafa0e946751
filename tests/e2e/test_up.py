"""`reftrail up` as a person runs it, with the real hosts."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import local_http
from support.held_processes import end_children_naming, processes_naming
from support.metrics import wait_until

from reftrail.local.held_process import HeldProcess

_UP = (sys.executable, "-m", "reftrail.cli.main", "up")


def up(
    data_dir: Path, *arguments: str, before: Callable[[], object] | None = None
) -> HeldProcess[str]:
    return HeldProcess[str](
        (*_UP, "--data", str(data_dir), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
        preexec_fn=before,
    )


def ready(path: Path, process: HeldProcess[str]) -> dict[str, Any]:
    """The ready file's content, once it is there."""
    until = time.monotonic() + 180
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    end_children_naming(tmp_path)  # a failed test has left its stack
    # A host whose stack ended at once is ended by its reaper.
    wait_until(lambda: not processes_naming(tmp_path), seconds=180)


def test_it_serves_until_it_is_interrupted_and_leaves_nothing(data_dir: Path) -> None:
    given = data_dir.parent / "given.json"
    options = ("--ready-file", str(given), "--workers", "2", "--partitions", "2", "--fulfilment")
    process = up(data_dir, *options)
    found = ready(given, process)
    names = ("collector_url", "reports_url", "fulfilment_url", "webhooks_url")
    hosts = [*(found[name] for name in names), *found["worker_urls"]]
    assert len(hosts) == 6
    assert [local_http.get(f"{url}/readyz").status_code for url in hosts] == [200] * 6
    assert found["webhooks_store"] == str(data_dir / "webhooks.sqlite")
    assert "partners" in found["pids"]

    second = up(data_dir)
    _, said = second.communicate(timeout=180)
    assert second.returncode == 1
    assert f"something of reftrail already runs on {data_dir} (pid {process.pid})" in said

    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=180)
    assert process.returncode == 0, said
    for shown in (*hosts, found["secret_key"], found["publishable_key"]):
        assert shown in printed
    assert not given.exists()
    assert not (data_dir / "ready.json").exists()
    assert not [pid for pid in found["pids"].values() if psutil.pid_exists(pid)]


def _in_the_background() -> None:
    """As a shell starts what a script puts into the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_termination_while_starting_stops_it_too(data_dir: Path, sent: signal.Signals) -> None:
    process = up(data_dir, before=_in_the_background)
    until = time.monotonic() + 180
    while not (data_dir / "logs" / "broker.log").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(sent)
    _, said = process.communicate(timeout=180)
    assert process.returncode == 130
    assert "stopped before everything was up" in said


def test_a_port_in_use_is_named(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        process = up(data_dir, "--collector-port", port)
        _, said = process.communicate(timeout=180)
    assert process.returncode == 1
    assert f"port {port}, given for the collector, is in use" in said
    assert "Traceback" not in said

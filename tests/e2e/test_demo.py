"""`reftrail demo` as a person runs it: everything started, played, compared, and gone again."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

_DEMO = (sys.executable, "-m", "reftrail.cli.main", "demo", "--seed", "5")


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """Where the demo makes its directory; afterwards nothing is in it and no process names it."""
    yield tmp_path
    processes = [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline"])
        if str(tmp_path) in " ".join(process.info["cmdline"] or ())
    ]
    assert processes == []
    assert list(tmp_path.iterdir()) == []


def demo(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (*_DEMO, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "80"},
    )


def shown(output: str, name: str) -> str:
    """What stands beside a name in the comparison with the truth."""
    found = re.search(rf"^{name} {{2,}}(.+?) *$", output, re.MULTILINE)
    assert found is not None, output
    return found[1]


def test_everything_comes_out_as_it_ought_to(temporary: Path) -> None:
    process = demo(temporary, "--events", "3000")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert shown(output, "events") == "3,000 sent"
    assert shown(output, "events lost") == shown(output, "events doubled") == "0"
    for name in ("attributions right", "rewards right"):
        right, expected = shown(output, name).split(" of ")
        assert right == expected
        assert int(right) > 100
    assert "Funnel by campaign" in output
    assert "Funnel by category" in output
    assert [line for line in output.splitlines() if len(line) > 80] == []


def test_it_stays_up_if_asked_until_it_is_told_to_stop(temporary: Path) -> None:
    process = demo(temporary, "--events", "200", "--keep")
    url = None
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(r"reports +(http\S+)", line):
            url = found[1]
        if "Ctrl-C stops it" in line:
            break
    assert url is not None
    assert httpx.get(url).status_code == 401
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_interrupted_at_any_time_it_leaves_nothing(temporary: Path) -> None:
    process = demo(temporary, "--events", "100000")
    time.sleep(4)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130

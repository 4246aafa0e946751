"""`reftrail demo` as a person runs it: everything started, played, compared, and gone again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import local_http
from support.held_processes import processes_naming
from support.metrics import wait_until

from reftrail.local.held_process import HeldProcess

_DEMO = (sys.executable, "-m", "reftrail.cli.main", "demo", "--seed", "5")


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The demo's parent directory; afterwards it is empty and no process names it."""
    yield tmp_path
    # A host whose stack ended at once is ended by its reaper.
    wait_until(lambda: not processes_naming(tmp_path), seconds=180)
    assert list(tmp_path.iterdir()) == []


def demo(temporary: Path, *arguments: str) -> HeldProcess[str]:
    return HeldProcess[str](
        (*_DEMO, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "80"},
    )


def shown(output: str, name: str) -> str:
    """The cells beside a name in the comparison with the truth."""
    found = re.search(rf"^{name} {{2,}}(.+?) *$", output, re.MULTILINE)
    assert found is not None, output
    return found[1]


def lines_until(process: HeldProcess[str], text: str) -> str:
    """The output up to the line that has a text in it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    return "".join(lines)


def test_everything_comes_out_as_it_ought_to_and_stays_up_if_asked(temporary: Path) -> None:
    process = demo(temporary, "--events", "3000", "--keep")
    output = lines_until(process, "Ctrl-C stops it")
    assert shown(output, "events") == "3,000 sent"
    assert shown(output, "events lost") == shown(output, "events doubled") == "0"
    for name in ("attributions right", "rewards right"):
        right, expected = shown(output, name).split(" of ")
        assert right == expected
        assert int(right) > 100
    assert "Funnel by campaign" in output
    assert "Funnel by category" in output

    url = re.search(r"^reports +(http\S+)", output, re.MULTILINE)
    assert url is not None, output
    assert local_http.get(url[1]).status_code == 401
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output + rest
    tables = output[: output.index("ready file")]  # a path is as long as it is
    assert [line for line in tables.splitlines() if len(line) > 80] == []


def test_interrupted_while_hosts_start_it_leaves_nothing(temporary: Path) -> None:
    process = demo(temporary, "--events", "100000")
    lines_until(process, "starting codes")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert process.returncode == 130

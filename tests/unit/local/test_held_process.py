"""Hosts of tests and benchmarks end with the process that started them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from reftrail.local import held_process
from reftrail.local.held_process import HeldProcess, output_of

ROOT = Path(__file__).parents[3]
STARTS_A_CHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True); time.sleep(60)"
)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def started(program: str) -> "tuple[subprocess.Popen[bytes], list[int]]":
    """A process that runs the program, and the pids in the line that it prints first."""
    starter = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert starter.stdout is not None
    return starter, [int(pid) for pid in starter.stdout.readline().split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_is_held_ends_with_its_starter(number: signal.Signals) -> None:
    starter, held = started(
        "import subprocess, sys, time\n"
        "from reftrail.local.held_process import HeldProcess\n"
        f"child = HeldProcess[str]([sys.executable, '-c', {STARTS_A_CHILD!r}], text=True,\n"
        "    stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline(), flush=True); time.sleep(60)"
    )
    assert len(held) == 2
    assert all(map(is_running, held))
    with starter:
        starter.send_signal(number)
    wait_for(lambda: not any(map(is_running, held)))


def test_a_worker_of_a_test_ends_with_the_test(tmp_path: Path) -> None:
    starter, (worker,) = started(
        "import pathlib, time\n"
        "from reftrail.contracts.installation import Installation\n"
        "from support.worker import RunningWorker\n"
        f"log = pathlib.Path({str(tmp_path)!r}) / 'log'\n"
        "worker = RunningWorker(Installation(bootstrap_servers='127.0.0.1:1'), log)\n"
        "print(worker.process.pid, flush=True); time.sleep(60)"
    )
    assert is_running(worker)
    with starter:
        starter.terminate()
    wait_for(lambda: not is_running(worker))


def test_what_has_ended_is_no_longer_held(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reaper:
        def __init__(self) -> None:
            self.held: set[int] = set()

        def hold(self, group: int) -> None:
            self.held.add(group)

        def release(self, group: int) -> None:
            self.held.discard(group)

    reaper = Reaper()
    monkeypatch.setattr(held_process, "_reaper", lambda: reaper)
    waited, polled = HeldProcess[bytes](["true"]), HeldProcess[bytes](["false"])
    assert reaper.held == {waited.pid, polled.pid}
    assert waited.wait() == 0
    assert reaper.held == {polled.pid}
    wait_for(lambda: polled.poll() == 1)
    assert reaper.held == set()


def test_the_output_of_a_command() -> None:
    assert output_of(["echo", "there"]) == b"there\n"
    assert output_of(["env"], {"ONLY": "this"}) == b"ONLY=this\n"
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        output_of([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_command_is_interrupted_with_the_one_who_reads_its_output(tmp_path: Path) -> None:
    """It ends in order: a benchmark removes its directory."""
    ended = tmp_path / "ended"
    command = (
        "import os, pathlib, time\n"
        "try: print(os.getpid(), flush=True); os.write(2, b'%d\\n' % os.getpid()); time.sleep(60)\n"
        f"finally: pathlib.Path({str(ended)!r}).touch()"
    )
    starter, (pid,) = started(
        "import os, sys\n"
        "os.dup2(1, 2)\n"
        "from reftrail.local.held_process import output_of\n"
        f"output_of([sys.executable, '-c', {command!r}])"
    )
    with starter:
        starter.send_signal(signal.SIGINT)
    assert not is_running(pid)
    assert ended.exists()


def test_a_tool_ends_on_sigint_whatever_its_threads_do() -> None:
    """Also where a script has started it in the background, with SIGINT ignored."""
    tool, _ = started(
        "import signal, threading, time\n"
        "from support.ending import end_at_once_on_sigint\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "end_at_once_on_sigint()\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "print(flush=True); time.sleep(60)"
    )
    with tool:
        tool.send_signal(signal.SIGINT)
        assert tool.wait(60) == -signal.SIGINT


BY_THEMSELVES = {
    Path("tests/image"),  # what Docker runs ends otherwise
    Path("tests/unit"),  # this test and its like: how processes end is what they test
}
"""Folders whose processes are started otherwise."""


def test_tests_and_benchmarks_start_hosts_that_end_with_them() -> None:
    files = [
        path.relative_to(ROOT)
        for folder in ("tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(files) > 100
    otherwise = [
        str(path)
        for path in files
        if not BY_THEMSELVES & set(path.parents)
        and re.search(r"subprocess\.(Popen|call)\(", (ROOT / path).read_text("utf-8"))
    ]
    assert otherwise == []

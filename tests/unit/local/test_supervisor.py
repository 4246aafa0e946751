"""The supervisor with tiny hosts: back-off, restart, clean stop, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from pathlib import Path

import psutil
import pytest
from unit.local.hosts import IGNORE_SIGTERM, SLEEP, host

from reftrail.contracts.errors import ExpectedError
from reftrail.local.process import Child
from reftrail.local.process_reaper import ProcessReaper
from reftrail.local.supervisor import BackOff, Supervisor


@dataclass
class Watched:
    """A supervisor whose clock moves on demand only, and its messages."""

    now: float = 0.0
    said: list[str] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(
            self.said.append, self.count_change, BackOff(), clock=lambda: self.now
        )

    def count_change(self) -> None:
        self.changes += 1

    def look_until(self, condition: Callable[[], bool]) -> None:
        """Look again and again, as the thread does, until something holds; 60 s at most."""
        until = time.monotonic() + 180
        while not condition():
            assert time.monotonic() < until, self.said
            self.supervisor.look()
            time.sleep(0.01)

    def runs(self) -> bool:
        return "fake" in self.supervisor.pids()


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.supervisor.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_waits_grow_up_to_a_limit() -> None:
    waits = [BackOff().delay(failures) for failures in range(1, 9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_killed_host_is_started_again_when_its_wait_is_over(
    watched: Watched, tmp_path: Path
) -> None:
    watched.supervisor.add(host(tmp_path, SLEEP))
    before = watched.supervisor.kill("fake")
    watched.look_until(lambda: not watched.runs())
    watched.now = 0.4
    watched.supervisor.look()
    assert not watched.runs()
    watched.now = 0.5
    watched.supervisor.look()
    assert watched.supervisor.pid("fake") != before
    assert watched.changes == 1
    assert watched.said == [
        "fake ended with signal SIGKILL",
        "fake is started again in 0.5 s",
        f"fake runs again (pid {watched.supervisor.pid('fake')})",
    ]


def test_a_host_that_fails_in_a_row_waits_longer_each_time(
    watched: Watched, tmp_path: Path
) -> None:
    watched.supervisor.add(host(tmp_path, "raise SystemExit(3)"))
    watched.supervisor.wait_until_ready(["fake"], timeout=60)
    waits = []
    for _ in range(3):
        watched.look_until(lambda: not watched.runs())
        waits.append(watched.said[-1])
        watched.now += 100
        watched.supervisor.look()
        watched.now -= 100
    assert waits == [f"fake is started again in {seconds} s" for seconds in ("0.5", "1", "2")]


def test_a_host_that_ran_for_long_has_not_failed_in_a_row(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.add(host(tmp_path, SLEEP))
    for _ in range(3):
        watched.now += BackOff().settled
        watched.supervisor.kill("fake")
        watched.look_until(lambda: not watched.runs())
        assert watched.said[-1] == "fake is started again in 0.5 s"
        watched.now += 0.5
        watched.supervisor.look()


def test_what_a_host_said_before_it_ended_is_shown(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.add(host(tmp_path, "raise SystemExit('no such key: set REFTRAIL_KEY')"))
    watched.look_until(lambda: not watched.runs())
    assert watched.said[0].startswith("fake ended with exit code 1: the end of its log:")
    assert "no such key: set REFTRAIL_KEY" in watched.said[0]


def test_a_host_that_never_came_up_is_given_up_soon(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _: None, back_off=BackOff(first=0.01))
    supervisor.add(host(tmp_path, "raise SystemExit('broken')", answers=False))
    supervisor.start_watching()
    try:
        with pytest.raises(ExpectedError, match=r"(?s)fake ended 3 times in a row.*broken"):
            supervisor.wait_until_ready(["fake"], timeout=60)
    finally:
        supervisor.stop()


def test_a_host_that_does_not_answer_is_named(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.add(host(tmp_path, SLEEP, answers=False))
    with pytest.raises(ExpectedError, match=r"no answer within -1 s; .* fake \(.*fake\.log\)"):
        watched.supervisor.wait_until_ready(["fake"], timeout=-1)


def test_all_answer_at_once_when_the_wait_is_over(tmp_path: Path) -> None:
    """As two workers: once the second is in their group, the first shares partitions out anew."""
    answers = {"one": chain([True, False], repeat(True)), "two": chain([False], repeat(True))}
    supervisor = Supervisor(lambda _: None)
    for name, given in answers.items():
        supervisor.add(host(tmp_path, SLEEP, name=name, answers=partial(next, given)))
    try:
        supervisor.wait_until_ready(list(answers), timeout=60)
    finally:
        supervisor.stop()
    assert [next(answers[name]) for name in answers] == [True, True]


def test_a_host_that_hangs_is_restarted_with_its_stacks_in_its_log(tmp_path: Path) -> None:
    """As a worker whose event loop is blocked: it runs, and answers no more."""
    said: list[str] = []
    ready = {"fake": True}
    supervisor = Supervisor(said.append, hang_after=1.0)
    program = "def blocked_for_ever():\n    import time\n    time.sleep(60)\nblocked_for_ever()"
    supervisor.add(
        host(
            tmp_path,
            program,
            answers=lambda: ready["fake"],
            environment={"PYTHONFAULTHANDLER": "1"},
        )
    )
    before = supervisor.pid("fake")
    supervisor.start_watching()
    try:
        time.sleep(2.5)
        assert supervisor.pid("fake") == before
        ready["fake"] = False
        wait_for(lambda: supervisor.pids().get("fake", before) != before)
    finally:
        supervisor.stop()
    assert "has not been ready for 1 s and is killed; its stacks are in" in said[0]
    assert "in blocked_for_ever" in (tmp_path / "fake.log").read_text()


def test_a_host_stopped_by_a_signal_shows_its_stacks_too(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _: None)
    environment = {"PYTHONFAULTHANDLER": "1"}
    reaper = ProcessReaper()
    command = host(tmp_path, f"print('up', flush=True); {SLEEP}", environment=environment).command
    child = Child(command, reaper)
    wait_for(lambda: "up" in child.output())
    os.kill(child.pid, signal.SIGSTOP)
    child.dump_stacks(signal.SIGABRT)
    child.kill()
    reaper.close()
    supervisor.stop()
    assert "Current thread" in child.output()


class Hanging:
    """A supervisor of a broker and a worker that needs it, asked at times of the test's choice."""

    def __init__(self, tmp_path: Path) -> None:
        self.now = 0.0
        self.ready = {"broker": True, "worker": False}
        self.supervisor = Supervisor(lambda _: None, clock=lambda: self.now, hang_after=60.0)
        for name, needs in (("broker", ()), ("worker", ("broker",))):
            self.supervisor.add(
                host(tmp_path, SLEEP, name=name, answers=partial(self.ready.get, name), needs=needs)
            )
        self.pid = self.supervisor.pid("worker")

    def killed_at(self, *times: float) -> bool:
        for self.now in times:
            self.supervisor.look_for_hanging()
        return not is_running(self.pid)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Hanging]:
    made = Hanging(tmp_path)
    yield made
    made.supervisor.stop()


def test_a_host_that_was_never_ready_takes_its_time(hanging: Hanging) -> None:
    assert not hanging.killed_at(0, 1_000)


def test_a_host_hangs_only_when_it_was_ready_and_long_is_not(hanging: Hanging) -> None:
    hanging.ready["worker"] = True
    assert not hanging.killed_at(0, 1_000)
    hanging.ready["worker"] = False
    assert not hanging.killed_at(1_001, 1_060)
    hanging.ready["worker"] = True
    assert not hanging.killed_at(1_062)
    hanging.ready["worker"] = False
    assert not hanging.killed_at(1_063, 1_122)
    assert hanging.killed_at(1_123)


def test_a_host_without_its_broker_does_not_hang(hanging: Hanging) -> None:
    hanging.ready["worker"] = True
    hanging.killed_at(0)
    hanging.ready.update(worker=False, broker=False)
    assert not hanging.killed_at(1, 30)
    hanging.supervisor.kill("broker")
    assert not hanging.killed_at(1_000)


def test_all_hosts_end_and_those_named_last_end_last(tmp_path: Path) -> None:
    said_at_end = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(tmp_path / 'order')!r}, 'a').write(NAME); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True)\n"
        "while True: time.sleep(0.01)"
    )
    supervisor = Supervisor(lambda _: None)
    for name in ("broker", "collector", "worker"):
        supervisor.add(host(tmp_path, f"NAME = '{name[0]}'\n{said_at_end}", name=name))
    wait_for(lambda: all("up" in log.read_text() for log in tmp_path.glob("*.log")))
    pids = supervisor.pids().values()
    supervisor.stop(last=["broker"])
    assert (tmp_path / "order").read_text() in ("cwb", "wcb")
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_a_host_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda _: None)
    supervisor.add(host(tmp_path, IGNORE_SIGTERM, grace=0.2))
    pid = supervisor.pid("fake")
    wait_for(lambda: "deaf" in (tmp_path / "fake.log").read_text())
    supervisor.stop()
    assert not psutil.pid_exists(pid)


_STARTS_A_CHILD = (
    "import subprocess, sys, time\n"
    f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
    "print(child.pid, flush=True); time.sleep(60)"
)


def test_what_a_killed_host_had_started_is_killed_too(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.add(host(tmp_path, _STARTS_A_CHILD))
    log = tmp_path / "fake.log"
    wait_for(lambda: log.read_text().endswith("\n"))
    grandchild = int(log.read_text())
    os.kill(watched.supervisor.pid("fake"), signal.SIGKILL)
    watched.look_until(lambda: not watched.runs())
    wait_for(lambda: not is_running(grandchild))


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_outlives_a_supervisor_killed_with_9(tmp_path: Path) -> None:
    program = (
        "import pathlib, time\n"
        "from unit.local.hosts import SLEEP, host\n"
        "from reftrail.local.supervisor import Supervisor\n"
        "supervisor = Supervisor(print)\n"
        f"supervisor.add(host(pathlib.Path({str(tmp_path)!r}), {_STARTS_A_CHILD!r}))\n"
        "print(supervisor.pid('fake'), flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert supervisor.stdout is not None
    child = int(supervisor.stdout.readline())
    log = tmp_path / "fake.log"
    wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
    grandchild = int(log.read_text())
    assert is_running(child)
    assert is_running(grandchild)
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    wait_for(lambda: not is_running(child) and not is_running(grandchild))

"""Hosts as child processes for the benchmarks."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil

from reftrail.contracts.installation import Installation
from reftrail.local.held_process import HeldProcess
from reftrail.local.ports import free_port

_BYTECODE: Final = Path(__file__).parents[1] / "build" / "bytecode"


class Child:
    """One running process with its output in a file."""

    def __init__(self, process: HeldProcess[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def wait_for(self, text: str) -> None:
        """Return when the process has written the text; RuntimeError if it ends before."""
        while text not in self.output():
            self.check()
            time.sleep(0.01)

    def check(self) -> None:
        """RuntimeError if it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.process.returncode}:\n{self.output()[-3000:]}")

    def output(self) -> str:
        """The output of the process."""
        return self.log.read_text()

    def cpu_seconds(self) -> float:
        """CPU time so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system


@contextmanager
def python(installation: Installation, *arguments: str, **settings: str) -> Iterator[Child]:
    """Run Python with REFTRAIL_* variables of an installation and others; killed at the end."""
    with child(installation, [sys.executable, *arguments], **settings) as process:
        yield process


@contextmanager
def child(installation: Installation, command: Sequence[str], **settings: str) -> Iterator[Child]:
    """Run a command with REFTRAIL_* variables of an installation and others; killed at the end."""
    given = {
        "bootstrap_servers": installation.bootstrap_servers,
        "topic_prefix": installation.topic_prefix,
        **settings,
    }
    environment = os.environ | {f"REFTRAIL_{k.upper()}": v for k, v in given.items()}
    # Compiling what a worker imports takes as long as deciding on 200,000 events.
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        environment.setdefault("PYTHONPYCACHEPREFIX", str(_BYTECODE))
    with tempfile.NamedTemporaryFile("w+b") as log:
        process = HeldProcess[bytes](command, env=environment, stdout=log, stderr=log)
        try:
            yield Child(process, Path(log.name))
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class WorkerPage:
    """The partitions of events that a worker owns and follows, by its own word."""

    is_ready: bool
    owned: frozenset[int]
    standby: frozenset[int]


class RunningWorker(Child):
    """A worker, with its page for readiness."""

    def __init__(self, process: HeldProcess[bytes], log: Path, port: int) -> None:
        super().__init__(process, log)
        self._port = port

    def page(self) -> WorkerPage | None:
        """The partitions of the worker; None if it doesn't answer."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self._port}/readyz", timeout=2)
            said = answer.json()
        except (httpx.HTTPError, ValueError):
            return None
        events = (name.rpartition("events-") for name in said["partitions"])
        owned = frozenset(int(number) for _, found, number in events if found)
        return WorkerPage(bool(said["ready"]), owned, frozenset(said["standby"]))

    def memory(self) -> int:
        """Resident bytes; 0 once it has ended."""
        if self.process.poll() is not None:
            return 0
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def stop(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait()

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()


@contextmanager
def worker(installation: Installation, log: Path, **settings: str) -> Iterator[RunningWorker]:
    """A worker with its output in a file; killed at the end."""
    port = free_port()
    environment = os.environ | {
        "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
        "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        "REFTRAIL_WORKER_WEB_PORT": str(port),
        **{f"REFTRAIL_{name.upper()}": value for name, value in settings.items()},
    }
    with log.open("ab") as out:
        process = HeldProcess[bytes](
            [sys.executable, "-m", "reftrail.engine"], env=environment, stdout=out, stderr=out
        )
    try:
        yield RunningWorker(process, log, port)
    finally:
        process.kill()
        process.wait()

"""Hosts as child processes for the benchmarks."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from reftrail.contracts.installation import Installation


class Child:
    """One running process with its output in a file."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
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
        """What it has written."""
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
    with tempfile.NamedTemporaryFile("w+b") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield Child(process, Path(log.name))
        finally:
            process.kill()
            process.wait()

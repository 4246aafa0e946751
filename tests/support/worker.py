"""Real worker processes for tests."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reftrail.contracts.installation import Installation
from reftrail.local.ports import free_port
from support.environment import finding_tests


class RunningWorker:
    """One `reftrail worker` process, its output in a file. module has another topology."""

    def __init__(
        self,
        installation: Installation,
        log: Path,
        module: str = "reftrail.engine",
        **settings: str,
    ) -> None:
        self.port = free_port()
        self.log = log
        environment = {
            **os.environ,
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
            "REFTRAIL_WORKER_WEB_PORT": str(self.port),
            **finding_tests(),
            **settings,
        }
        self._out = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=environment,
            stdout=self._out,
            stderr=subprocess.STDOUT,
        )

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_until_ready(self, seconds: float = 40) -> None:
        """Return when it has taken over its partitions."""
        deadline = time.monotonic() + seconds
        while self.get("/readyz")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"worker isn't ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self._out.close()


def group_of(installation: Installation) -> str:
    """The consumer group of a test's workers."""
    return f"{installation.topic_prefix}workers"


@contextmanager
def worker(
    installation: Installation, log: Path, module: str = "reftrail.engine", **settings: str
) -> Iterator[RunningWorker]:
    """A worker that is stopped at the end."""
    running = RunningWorker(installation, log, module, **settings)
    try:
        yield running
    finally:
        running.stop()

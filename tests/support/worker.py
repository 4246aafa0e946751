"""Real worker processes for tests."""

import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reftrail.contracts.installation import Installation
from reftrail.local.drain import wait_until_drained
from reftrail.local.ports import free_port
from support.environment import finding_tests
from support.host_process import HostProcess


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
        self.process = HostProcess(module, environment, log)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_until_ready(self, seconds: float = 180) -> None:
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
            return self.process.wait(timeout=180)
        finally:
            self.process.kill()


def group_of(installation: Installation) -> str:
    """The consumer group of a test's workers."""
    return f"{installation.topic_prefix}workers"


def wait_until_decided(installation: Installation, seconds: float = 180) -> None:
    """Return when the workers have decided all that was sent, and all that follows from that.

    Partitions commit by themselves: what one of them wrote says nothing of another.
    """
    wait_until_drained(installation, group_of(installation), None, "", timeout=seconds)


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

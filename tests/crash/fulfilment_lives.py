"""Fulfilment processes forked from one that has imported everything, so that each starts at once.

Run as a script it forks one whenever it reads a line, says its pid, and, once that has ended, how.
"""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from unittest import mock

from support.environment import finding_tests
from support.fulfilment_faults import ReportsFirst

from crash.fault_injection import die_once
from reftrail.contracts.registry import schemas
from reftrail.fulfilment import main
from reftrail.fulfilment.kafka_log import connected
from reftrail.fulfilment.settings import FulfilmentSettings
from reftrail.local.held_process import HeldProcess

_REPORTS_FIRST: Final = "reports-first"


class Lives:
    """Makes fulfilments, one after the other; none outlives it, or the test.

    With reports_first they report before they ask, and the first one to do so kills itself between.
    """

    def __init__(
        self, variables: Mapping[str, str], log: Path, *, reports_first: bool = False
    ) -> None:
        with log.open("ab") as out:
            self._forking = HeldProcess[str](
                [sys.executable, "-m", __name__, *([_REPORTS_FIRST] if reports_first else [])],
                env={**os.environ, **variables, **finding_tests()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
            )

    def begin(self) -> int:
        """A new one; its pid."""
        assert self._forking.stdin is not None
        self._forking.stdin.write("\n")
        self._forking.stdin.flush()
        return self._said()

    def ended(self) -> int:
        """Wait until it has ended; its exit code, negative for a signal."""
        return self._said()

    def kill(self, pid: int) -> None:
        """kill -9, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._forking.communicate(timeout=20)

    def _said(self) -> int:
        assert self._forking.stdout is not None
        return int(self._forking.stdout.readline())


class Nobody:
    """An owner of partitions that does nothing with them."""

    has_gained = False

    def losing(self) -> None:
        pass

    def gained(self, positions: Mapping[int, int]) -> None:
        self.has_gained = True


def warm_up() -> None:
    """Have Kafka's client make what it makes when first used: a third of what a start takes."""
    owner = Nobody()
    with connected(FulfilmentSettings(), "warming-up", "member") as log:
        list(log.reports({}))
        log.join(owner)
        while not owner.has_gained:
            log.poll(100)
        log.write_reports([], [], log.positions())
        log.ends()
    schemas()
    assert threading.active_count() == 1, "what forks may have no threads"


def fork_on_demand() -> None:
    """Until nobody asks any more."""
    warm_up()
    while os.read(sys.stdin.fileno(), 1):
        child = os.fork()
        if child == 0:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            main.main()
        print(child, flush=True)  # noqa: T201
        print(os.waitstatus_to_exitcode(_status(child)), flush=True)  # noqa: T201


def _status(child: int) -> int:
    """The exit status of the child; it is killed if the test goes away meanwhile."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        readable, _, _ = select.select([sys.stdin], [], [], 0.005)
        if readable:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            sys.exit()


if __name__ == "__main__":
    if sys.argv[1:] == [_REPORTS_FIRST]:
        ReportsFirst.between = die_once
        with mock.patch.object(main, "Fulfilment", ReportsFirst):
            fork_on_demand()
    else:
        fork_on_demand()

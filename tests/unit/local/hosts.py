"""Tiny hosts, so that the supervisor can be tested without the real ones."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from reftrail.local.process import Command
from reftrail.local.supervisor import Host

SLEEP = "import time; time.sleep(60)"
IGNORE_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(60)"
)


def host(
    directory: Path,
    program: str,
    *,
    name: str = "fake",
    answers: bool | Callable[[], bool | None] = True,
    grace: float = 5.0,
    needs: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Host:
    """A host that runs a line of Python."""
    return Host(
        name=name,
        command=Command(
            (sys.executable, "-c", program), directory / f"{name}.log", environment or {}
        ),
        answers=lambda: bool(answers() if callable(answers) else answers),
        grace=grace,
        needs=needs,
    )

"""Fault injection: a host kills itself where that does harm, but only once."""

import os
import signal
from pathlib import Path
from typing import Final

DIED: Final = "CRASH_DIED"
"""The variable that names a file, which is there once the process has killed itself."""


def die_once() -> None:
    """Kill -9 for this process, unless an earlier one has done so."""
    died = Path(os.environ[DIED])
    if not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)

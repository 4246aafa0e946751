"""Commands that end with this process, however it ends: hosts of tests and benchmarks.

Hosts of a stack are restarted when they die, by `supervisor.py`; these are not.
"""

import atexit
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from os import PathLike
from threading import Lock
from typing import Any, AnyStr, Final

from reftrail.local.process import undisturbed
from reftrail.local.process_reaper import ProcessReaper

_STOP_GRACE: Final = 30.0
_one_at_a_time: Final = Lock()


class HeldProcess(subprocess.Popen[AnyStr]):
    """`subprocess.Popen` in a process group that is killed when this process ends.

    Until the command itself has ended, its group is held: with it ends what it started, even if
    this process is killed with -9. Ctrl-C reaches this process alone.
    """

    def __init__(self, arguments: Sequence[str | PathLike[str]], **options: Any) -> None:
        with undisturbed():
            super().__init__(arguments, start_new_session=True, **options)
            _reaper().hold(self.pid)

    def poll(self) -> int | None:
        """The exit code, as of `Popen.poll`."""
        return self._released(super().poll())

    def wait(self, timeout: float | None = None) -> int:
        """Wait as `Popen.wait` does."""
        code = super().wait(timeout)
        self._released(code)
        return code

    def _released(self, code: int | None) -> int | None:
        if code is not None:
            _reaper().release(self.pid)
        return code


def output_of(
    arguments: Sequence[str | PathLike[str]], environment: Mapping[str, str] | None = None
) -> bytes:
    """Run a command to its end and return what it printed.

    Raises `subprocess.CalledProcessError` if it fails. An exception meanwhile, such as
    KeyboardInterrupt, interrupts the command, waits until it has ended, and goes on.
    """
    with HeldProcess[bytes](arguments, stdout=subprocess.PIPE, env=environment) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            _interrupt(process)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(arguments), output)
    return output


def _interrupt(process: HeldProcess[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _reaper() -> ProcessReaper:
    """The reaper of all held processes, started with the first."""
    with _one_at_a_time:
        return _started_reaper()


@cache
def _started_reaper() -> ProcessReaper:
    reaper = ProcessReaper()
    atexit.register(reaper.close)
    return reaper

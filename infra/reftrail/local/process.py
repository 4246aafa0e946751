"""One child process with its log file, in a process group of its own."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reftrail.hosting.private_files import make_private_directory, private
from reftrail.local.private_files import PRIVATE_UMASK
from reftrail.local.process_reaper import ProcessReaper

_LOG_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Command:
    """A program, the variables added to this process's own, and the file for its output.

    A variable of None is taken away from those of this process.
    """

    arguments: tuple[str, ...]
    log: Path
    environment: Mapping[str, str | None] = field(default_factory=dict)


class Child:
    """A running command. Started by being made; the reaper has its group until it has ended."""

    def __init__(self, command: Command, reaper: ProcessReaper) -> None:
        self.log = command.log
        self._reaper = reaper
        make_private_directory(command.log.parent)
        _keep_short(command.log)
        with open(command.log, "ab", opener=private) as log, undisturbed():
            self.log_start = log.tell()
            self._process = subprocess.Popen(
                command.arguments,
                env=_environment(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that Ctrl-C reaches the supervisor alone
                umask=PRIVATE_UMASK,
            )
            reaper.hold(self.pid)

    @property
    def pid(self) -> int:
        """Also the id of its process group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit status (negative: the signal that ended it); None while it runs."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """SIGTERM for the command itself; what it started is for it to end."""
        self._process.terminate()

    def stop(self, grace: float) -> None:
        """Ask it to end, and kill it if it hasn't within so many seconds."""
        self.ask_to_end()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self.kill()

    def dump_stacks(self, number: signal.Signals, grace: float = 2.0) -> None:
        """Have it write its stacks to its log, by a signal; wait until it ends, but not longer.

        It may have been stopped by a signal: then it goes on first.
        """
        for sent in (number, signal.SIGCONT):
            with suppress(ProcessLookupError):
                os.kill(self.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)

    def kill(self) -> None:
        """Kill -9 for it and all that it started, and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reaper.release(self.pid)

    def output(self, characters: int = 20_000) -> str:
        """The end of what this run has written to its log."""
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self.log_start, size - characters))
            return log.read().decode("utf-8", "replace")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals that come meanwhile be heard afterwards.

    An exception out of a handler, between a command's start and its being held, would leave it
    running for ever. Handlers run in the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handlers = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if callable(handler := signal.getsignal(number))
    }
    for number in handlers:
        signal.signal(number, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in heard:
            signal.raise_signal(late)


def _environment(command: Command) -> dict[str, str]:
    merged = {**os.environ, **command.environment}
    return {name: value for name, value in merged.items() if value is not None}


def _keep_short(log: Path) -> None:
    """Put a log aside, over the one before, when it has grown large."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))

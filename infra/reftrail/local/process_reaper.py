"""Reaper of processes: none outlives the process that started it, even one killed with -9.

A small process of its own waits for the end of a pipe that only its starter holds open. When the
starter is gone, however that came about, it kills the process groups that it was given. (Linux
could do this with PR_SET_PDEATHSIG, but that reaches only the child itself, not what the child
started, and fires when the starting thread ends; and macOS has no such thing.)

Run as a script in an isolated interpreter: imports nothing but the standard library.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress


class ProcessReaper:
    """Process groups that must end with this process.

    Each group is named by its leader's pid. Groups are held from the moment they are started and
    released once they are known to be gone.
    """

    def __init__(self) -> None:
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def hold(self, group: int) -> None:
        """Have a process group killed if this process dies."""
        self._send(f"+{group}\n")

    def release(self, group: int) -> None:
        """Forget a process group that has ended."""
        self._send(f"-{group}\n")

    def close(self) -> None:
        """Kill what is still held, and end the watcher."""
        assert self._watcher.stdin is not None
        with suppress(BrokenPipeError):
            self._watcher.stdin.close()
        self._watcher.wait()

    def _send(self, line: str) -> None:
        assert self._watcher.stdin is not None
        self._watcher.stdin.write(line.encode())
        self._watcher.stdin.flush()


def watch() -> None:
    """Keep the list of groups until the pipe ends, then kill them."""
    held: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            held.add(group)
        else:
            held.discard(group)
    for group in held:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    watch()

"""Hosts and commands of tests in processes of their own, forked from one that imported all hosts.

A host's imports take 1 to 2 s of processor time, and the tests start hosts some 150 times. A fork
begins where `python -m` has imported them; what follows is the same: its own variables, process
group and log, and the host's `__main__`. Hosts of `reftrail up`, of the stack and of crash runs are
started by `python -m`, as they are in production.

Each process of the tests has one server of forks (`multiprocessing`), made with the first host.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import chdir
from functools import cache
from multiprocessing import spawn
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

from reftrail.local.process_reaper import ProcessReaper
from support.environment import finding_tests

_COMMAND_SECONDS: Final = 240
_preparation_data: Final = spawn.get_preparation_data


@cache
def forking() -> ForkServerContext:
    """The only way to fork: what is imported beforehand can be said once for each process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.preloaded_hosts"])
    with patch.dict(os.environ, finding_tests()):
        ensure_running()
    return context


class HostProcess:
    """`python -m MODULE ARGUMENTS` with an environment; its output is added to a file.

    What it says on stderr goes to another file, if one is given. It ends with this process, even if
    that is killed. Once it has ended, its signals do nothing.
    """

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        log: Path,
        *arguments: str,
        errors: Path | None = None,
    ) -> None:
        self.module = module
        log.touch()
        given = (module, dict(environment), log, errors or log, arguments)
        self._process = forking().Process(target=_run, args=given)
        with patch.object(spawn, "get_preparation_data", _without_main):
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        _reaper().hold(self.pid)

    @property
    def returncode(self) -> int | None:
        """As `poll`."""
        return self.poll()

    def poll(self) -> int | None:
        """The exit code (negative: the signal that ended it); None while it runs."""
        code = self._process.exitcode
        if code is not None:
            _reaper().release(self.pid)
        return code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.module, timeout)
        return code

    def send_signal(self, number: int) -> None:
        """A signal for it alone, not for what it started."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)


def run_command(
    *arguments: str, environment: Mapping[str, str], directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `reftrail ARGUMENTS` to its end, by default where this process is."""
    with TemporaryDirectory() as files, chdir(directory or Path.cwd()):
        out, errors = Path(files, "out"), Path(files, "errors")
        command = HostProcess("reftrail.cli.main", environment, out, *arguments, errors=errors)
        try:
            code = command.wait(_COMMAND_SECONDS)
        finally:
            command.kill()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), errors.read_text())


def _without_main(name: str) -> dict[str, Any]:
    """What a fork has to know of this process: not its main module, which is pytest."""
    known = _preparation_data(name)
    return {key: value for key, value in known.items() if not key.startswith("init_main")}


def _run(
    module: str, environment: dict[str, str], log: Path, errors: Path, arguments: tuple[str, ...]
) -> None:
    """What is left to do in a fork."""
    os.setsid()
    for number, path in ((1, log), (2, errors)):
        with path.open("ab") as out:
            os.dup2(out.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


@cache
def _reaper() -> ProcessReaper:
    reaper = ProcessReaper()
    atexit.register(reaper.close)
    return reaper

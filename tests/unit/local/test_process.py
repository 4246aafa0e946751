"""A child is held from its start, whatever happens meanwhile."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from reftrail.local.process import Child, Command
from reftrail.local.process_reaper import ProcessReaper


def test_a_termination_in_the_moment_of_a_start_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGTERM)

    reaper = ProcessReaper()
    monkeypatch.setattr("reftrail.local.process.subprocess.Popen", Interrupted)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            Child(Command(("sleep", "60"), tmp_path / "log"), reaper)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
    (process,) = started
    assert process.poll() is None
    reaper.close()
    assert process.wait(180) == -signal.SIGKILL
    assert not psutil.pid_exists(process.pid)

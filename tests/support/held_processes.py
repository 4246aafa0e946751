"""Processes that a test left behind."""

from contextlib import suppress
from pathlib import Path

import psutil


def processes_naming(path: Path) -> list[list[str]]:
    """The command lines of running processes that have a path in them."""
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(path) in " ".join(line)]


def end_children_naming(path: Path) -> None:
    """Ask processes that this one started, with a path in their command line, to end."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if str(path) in " ".join(child.cmdline()):
                child.terminate()

"""Processes that a test left behind."""

from pathlib import Path

import psutil


def processes_naming(path: Path) -> list[list[str]]:
    """The command lines of running processes that have a path in them."""
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(path) in " ".join(line)]

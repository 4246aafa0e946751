"""The frame of the command."""

import subprocess
import sys
from pathlib import Path

from reftrail.cli.main import COMMANDS


def run(*arguments: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reftrail.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        env={"COLUMNS": "80"},
    )


def test_help_names_every_command_and_fits_80_columns() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    assert not [name for name in COMMANDS if f"│ {name} " not in shown.stdout]
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_what_a_person_can_put_right_is_said_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run("up", "--data", "file/data", directory=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: the data directory ")
    assert "Traceback" not in ended.stderr


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run("frobnicate").returncode == 2


def test_the_version_is_told() -> None:
    assert run("--version").stdout.strip()

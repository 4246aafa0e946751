"""The frame of the command."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from reftrail.cli.main import COMMANDS, command_line


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


def test_a_command_behind_two_hyphens_is_run() -> None:
    ended = run("--", "rules", "frobnicate")
    assert ended.returncode == 2
    assert "No such command 'frobnicate'" in ended.stderr


def test_what_a_person_can_put_right_is_said_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run("up", "--data", "file/data", directory=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: the data directory ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "funnel", "--campaign", "\udcff"],
        ["leaderboard", "--campaign", "b\udcfccher"],
        ["sql", "SELECT '\udcff'"],
        ["user", "\udcff"],
    ],
)
def test_an_argument_that_is_not_utf8_is_named_without_a_traceback(arguments: list[str]) -> None:
    known = ["--reports-url", "http://127.0.0.1:9", "--secret-key", "sk"]
    ended = run(*arguments, *known)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: b")
    assert "is not UTF-8; give text in UTF-8" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--help"], 0, "Play a referral programme"),
        ([], 2, "Play a referral programme"),
        (["--version"], 0, version("reftrail")),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
    ],
)
def test_what_runs_no_command_waits_for_the_libraries_of_none(
    arguments: list[str], code: int, says: str
) -> None:
    program = (
        "import sys\n"
        "from reftrail.cli.main import main\n"
        f"sys.argv = ['reftrail', *{arguments!r}]\n"
        "try: main()\n"
        "finally: print(*sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "80"},
    )
    assert ended.returncode == code
    *shown, modules = ended.stdout.splitlines()
    assert says in "\n".join(shown) + ended.stderr
    heavy = {"clickhouse_connect", "faust", "httpx", "kafka", "numpy", "polars", "sqlalchemy"}
    assert heavy & set(modules.split()) == set()


def test_help_says_of_every_command_what_its_own_help_says() -> None:
    found = get_command(command_line())
    assert isinstance(found, TyperGroup)
    helps = {name: command.help or "" for name, command in found.commands.items()}
    assert {name: text.partition("\n\n")[0] for name, text in helps.items()} == COMMANDS

"""Exploring finds a broken property, keeps the example, and the suite tries it from then on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from explore.found import TESTS, found_in
from explore.run import ROOT

PROPERTY = """
from hypothesis import given, strategies as st

@given(st.lists(st.integers(0, 1000)), st.booleans())
def test_sums_are_small(numbers: list[int], flag: bool) -> None:
    assert {} or not flag

@given(st.integers())
def test_holds(number: int) -> None:
    assert number == number
"""
BROKEN, MENDED = PROPERTY.format("sum(numbers) < 500"), PROPERTY.format("True")
DRAWN_INSIDE = """
from hypothesis import given, strategies as st

@given(st.data())
def test_drawn_inside(data: st.DataObject) -> None:
    assert data.draw(st.integers()) < 500
"""


@pytest.fixture
def properties(tmp_path: Path) -> Path:
    return tmp_path / "test_properties.py"


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )


def explored(
    properties: Path, *, limit: tuple[str, float] = ("--rounds", 1)
) -> "subprocess.CompletedProcess[str]":
    found = properties.parent / "found"
    return run("explore.run", properties, *limit, "--seed", 7, "--found", found)


def suite(properties: Path) -> "subprocess.CompletedProcess[str]":
    """The profile and the plugin of the suite, on properties that are somewhere else."""
    return run(
        *("pytest", properties, "-c", ROOT / "pyproject.toml", "--rootdir", ROOT),
        *("-p", "support.profiles", "-p", "explore.replaying", "-p", "no:cacheprovider"),
        *("--found", properties.parent / "found"),
    )


def test_what_is_found_is_kept_and_tried_again_by_the_suite(properties: Path) -> None:
    properties.write_text(BROKEN)
    exploration = explored(properties)
    assert exploration.returncode == 1, exploration.stdout + exploration.stderr
    assert exploration.stdout.startswith("seed 7;")
    ((path, found),) = found_in(properties.parent / "found").items()
    assert str(path) in exploration.stdout
    assert found.arguments == {"numbers": [500], "flag": True}
    assert (found.test, found.seed) == (f"{properties}::test_sums_are_small", 7)

    replayed = suite(properties)
    assert replayed.returncode == pytest.ExitCode.TESTS_FAILED
    assert "Failing explicit example: test_sums_are_small" in replayed.stdout
    properties.write_text(MENDED)
    assert suite(properties).returncode == pytest.ExitCode.OK

    properties.write_text(MENDED.replace("numbers", "amounts"))
    assert suite(properties).returncode == pytest.ExitCode.USAGE_ERROR


def test_what_json_can_not_hold_is_to_be_written_by_hand(properties: Path) -> None:
    properties.write_text(DRAWN_INSIDE)
    assert explored(properties).returncode == 1
    (found,) = found_in(properties.parent / "found").values()
    assert found.arguments is None
    assert "Draw 1: 500" in (found.shown or "")
    replayed = suite(properties)
    assert replayed.returncode == pytest.ExitCode.USAGE_ERROR
    assert "write an @example by hand" in replayed.stdout + replayed.stderr


def test_nothing_is_found_where_all_holds(properties: Path) -> None:
    properties.write_text(MENDED)
    exploration = explored(properties)
    assert (exploration.returncode, exploration.stdout.splitlines()[-1]) == (0, "nothing found")
    assert not (properties.parent / "found").exists()


def test_without_time_for_a_property_nothing_is_said_of_them(properties: Path) -> None:
    properties.write_text(MENDED)
    exploration = explored(properties, limit=("--minutes", 0.001))
    assert exploration.returncode == 2
    assert "no property was tried" in exploration.stderr


def test_a_round_that_can_not_run_is_an_error(properties: Path) -> None:
    properties.write_text("import what_is_not_there\n")
    exploration = explored(properties)
    assert exploration.returncode == 2
    assert "what_is_not_there" in exploration.stdout

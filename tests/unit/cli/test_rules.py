"""`reftrail rules test`: what it prints, and how it ends."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError

EXAMPLES = Path(__file__).parents[3] / "examples" / "campaigns"

SCENARIO = """
[given]
campaigns = "c.toml"
codes = [{ code = "AMY", owner = "amy" }]

[[scenario]]
name = "A typed code counts"
when = [{ at = "day 1", type = "signup", who = "bob", code = "AMY" }]
then.attributions = [{ who = "bob", code = "%s" }]
"""


def test_all_is_as_expected(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[campaign]\ncampaign_id = "c"\nname = "C"\n')
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(SCENARIO % "AMY")
    bad.write_text(SCENARIO % "EVE")
    rules = command_line(("rules",))

    passed = CliRunner().invoke(rules, ["rules", "test", str(good)])
    assert (passed.exit_code, passed.stdout) == (
        0,
        "ok    A typed code counts\n1 passed, 0 failed\n",
    )

    failed = CliRunner().invoke(rules, ["rules", "test", str(good), str(bad)])
    assert failed.exit_code == 1
    assert "1. code: expected EVE, found AMY" in failed.stdout
    assert failed.stdout.endswith("1 passed, 1 failed\n")

    shown = CliRunner().invoke(rules, ["rules", "test", "--show", str(good)])
    assert "bob by AMY (typed_code)" in shown.stdout


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    ended = CliRunner().invoke(command_line(("rules",)), ["rules", "test", str(tmp_path / "x")])
    assert isinstance(ended.exception, ExpectedError)
    assert "cannot read" in str(ended.exception)


@pytest.mark.parametrize(
    "file", sorted(EXAMPLES.glob("*.scenarios.toml")), ids=lambda file: file.stem
)
def test_the_examples_do_as_they_say(file: Path) -> None:
    played = CliRunner().invoke(command_line(("rules",)), ["rules", "test", str(file)])
    assert played.exit_code == 0, played.stdout


KNOWN_WARNINGS = {"marketplace": {"share-in-one-currency"}}
"""A marketplace that sells in one currency has maximums in it."""


@pytest.mark.parametrize(
    "file",
    [file for file in sorted(EXAMPLES.glob("*.toml")) if "scenarios" not in file.name],
    ids=lambda file: file.stem,
)
def test_the_examples_have_no_warnings(file: Path) -> None:
    asked = ["campaigns", "lint", str(file), "--strict"]
    linted = CliRunner().invoke(command_line(("campaigns",)), asked)
    known = KNOWN_WARNINGS.get(file.stem, set())
    assert set(re.findall(r"\[([a-z-]+)\]", linted.output)) == known, linted.output
    assert linted.exit_code == bool(known)

"""Every scenario of this folder, played as `reftrail rules test` plays it.

The number in a scenario's name is that of the fault which it was written for.
"""

from functools import cache
from pathlib import Path

import pytest

from reftrail.scenarios import Outcome, as_text, read_scenarios

HERE = Path(__file__).parent


@cache
def outcomes(file: Path) -> list[Outcome]:
    return read_scenarios(file).outcomes()


SCENARIOS = [
    pytest.param(file, number, id=f"{file.name.removesuffix('.scenarios.toml')}: {scenario.name}")
    for file in sorted(HERE.glob("*.scenarios.toml"))
    for number, scenario in enumerate(read_scenarios(file).script.scenario)
]


@pytest.mark.parametrize(("file", "number"), SCENARIOS)
def test_what_is_right(file: Path, number: int) -> None:
    outcome = outcomes(file)[number]
    assert outcome.passed, as_text([outcome], show=True)

"""SIGKILL at each step of a load of events, and at any moment: nothing lost, nothing twice."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from support.killed_warehouse import log

TESTS: Final = Path(__file__).parents[2]


def expected() -> tuple[list[list[str]], list[list[str]]]:
    """Events, by id and kind of key the code of the first; and the others."""
    first: dict[tuple[str, str], str] = {}
    others = []
    for event in log():
        key = (event.event_id, event.key_kind or "")
        if key in first:
            others.append([*key, str(event.code)])
        else:
            first[key] = str(event.code)
    return sorted([*key, its_code] for key, its_code in first.items()), sorted(others)


def check(found: dict[str, Any]) -> None:
    first, others = expected()
    assert found["events"] == first
    assert len(first) > len({its_id for its_id, _, _ in first})
    assert found["duplicates"] == others
    assert others
    assert found["rollup"] == found["added"]
    assert sum(row[-1] for row in found["rollup"]) == len(first)


@pytest.mark.faults
def test_kills_at_each_step_and_at_any_moment(tmp_path: Path) -> None:
    """Each start finishes what the kill before has left open, and goes on from there."""
    command = [sys.executable, "-m", "support.killed_warehouse", str(tmp_path / "clickhouse")]
    done = subprocess.run(command, cwd=TESTS, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])

    check(found)
    assert found["kills"]

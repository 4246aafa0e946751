"""The environment of processes that run modules of the tests."""

import os
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parents[1]


def finding_tests() -> dict[str, str]:
    """The variables by which a process finds the tests' modules, and what this one finds."""
    return {"PYTHONPATH": os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])}

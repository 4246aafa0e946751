"""Bytecode for the processes that tests start: each module is compiled once, not by each of them.

Where Python writes none (PYTHONDONTWRITEBYTECODE, as in many containers), and packages
were installed without, every host compiles all that it imports: a worker takes 3.4 s of processor
time to begin rather than 1.0 s (Python 3.11). So it goes to a directory of the tests' own.
"""

import os
from pathlib import Path
from typing import Final

_DIRECTORY: Final = Path(__file__).parents[2] / ".pytest_cache" / "bytecode"


def compile_once() -> None:
    """Say so to every process that this one starts, if they would write no bytecode."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(_DIRECTORY))

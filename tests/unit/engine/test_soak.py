"""At constant traffic, what is remembered for a time only is constant, cell by cell."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

VISITORS: Final = 8
EVERY: Final = 20


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    path = Path(__file__).parents[3] / "benchmarks" / "soak.py"
    spec = spec_from_file_location("soak", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["soak"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.faults
def test_cells_that_go_are_as_many_every_day_once_the_longest_time_has_passed(
    soak: ModuleType,
) -> None:
    days: dict[int, Any] = {
        measured.day: measured for measured in soak.soak(soak.SETTLED + 3 * EVERY, VISITORS, EVERY)
    }
    settled = [days[soak.SETTLED + n * EVERY] for n in range(4)]
    going = [{kind: n for kind, n in measured.cells.items() if kind.goes} for measured in settled]
    assert going[0] == going[1] == going[2] == going[3]
    kinds = {f"{kind.stage} {kind.what}" for kind in going[0]}
    assert kinds >= {
        "touch visitor",
        "velocity ip",
        "velocity email",
        "limits cap_per_referrer_per_day",
        "attribution :w:",
        "attribution :r:",
        "reward :d:",
    }
    staying = [measured.total(goes=False)[0] for measured in settled]
    grown = {after - before for before, after in pairwise(staying)}
    assert len(grown) == 1, "what stays grows by the same number every day"

"""The suite's profile: the same examples on every run, and an end to shrinking."""

import importlib.util
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from support.profiles import SHRINKING_SECONDS, SUITE


def test_the_suite_s_profile_is_the_current_one() -> None:
    assert settings.get_current_profile_name() == SUITE
    assert settings().derandomize
    assert settings().database is None
    assert settings().deadline is None


def test_the_same_is_drawn_whatever_was_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    @settings(max_examples=500)
    @given(st.integers())
    def draws(number: int) -> None:
        drawn.append(number)

    draws()
    first = list(drawn)
    drawn.clear()
    module = tmp_path / "constants_of_a_test.py"
    module.write_text(f"NUMBERS = {[9_000_000_019 + nth * 1_009 for nth in range(300)]}\n")
    spec = importlib.util.spec_from_file_location(module.stem, module)
    assert spec is not None
    monkeypatch.setitem(sys.modules, module.stem, importlib.util.module_from_spec(spec))
    draws()
    assert drawn == first


def test_shrinking_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.MAX_SHRINKING_SECONDS == SHRINKING_SECONDS
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", 1)

    @given(st.lists(st.integers(0, 10**9), min_size=30))
    def fails(numbers: list[int]) -> None:
        time.sleep(0.02)
        assert sum(numbers) < 10**9

    began = time.monotonic()
    with pytest.raises(AssertionError):
        fails()
    assert time.monotonic() - began < 60

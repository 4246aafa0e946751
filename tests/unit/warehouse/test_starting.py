"""The start of a warehouse, without what only some warehouses or some requests need."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from reftrail.warehouse import main

SEEN = """
import sys
import reftrail.warehouse.main
print(*({"httpx", "jinja2", "polars", "segno", "reftrail.engine.memory"} & sys.modules.keys()))
"""


def test_a_warehouse_starts_without_the_dashboard_and_file_formats() -> None:
    found = subprocess.run([sys.executable, "-c", SEEN], capture_output=True, text=True, check=True)

    assert found.stdout.split() == []


@pytest.fixture
def threshold() -> Iterator[int]:
    """The default threshold of the collector, which is there again after the test."""
    before = gc.get_threshold()
    yield before[0]
    gc.set_threshold(*before)


def test_the_collector_does_not_run_for_each_few_messages(
    monkeypatch: pytest.MonkeyPatch, threshold: int
) -> None:
    monkeypatch.setattr(main, "run_host", lambda *_, **__: None)

    main.main()

    assert gc.get_threshold()[0] >= 50 * threshold

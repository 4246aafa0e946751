"""The start of a warehouse, without what only some warehouses or some requests need."""

import subprocess
import sys

SEEN = """
import sys
import reftrail.warehouse.main
print(*({"httpx", "jinja2", "polars", "segno", "reftrail.engine.memory"} & sys.modules.keys()))
"""


def test_a_warehouse_starts_without_the_dashboard_and_file_formats() -> None:
    found = subprocess.run([sys.executable, "-c", SEEN], capture_output=True, text=True, check=True)

    assert found.stdout.split() == []

"""The start of a host: its modules are imported without the collector, which then runs again."""

import subprocess
import sys
from pathlib import Path

HOST = """
import gc
imported_with = gc.isenabled()
import sys
import httpx


def main() -> None:
    print(imported_with, gc.isenabled(), gc.get_freeze_count() > 0)
    print(httpx.Client().is_closed, *({"rich", "click", "pygments"} & sys.modules.keys()))
"""


def test_a_host_is_imported_without_the_collector_and_runs_with_it(tmp_path: Path) -> None:
    """And without the command line of httpx."""
    (tmp_path / "some_host.py").write_text(HOST)
    code = "from reftrail.hosting.starting import start; start('some_host')"

    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert found.stdout.split() == ["False", "True", "True", "False"]

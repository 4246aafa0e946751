"""The start of a host: what its modules are imported without, and then runs with."""

import os
import subprocess
import sys
from pathlib import Path

import certifi
import pytest

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


TLS_HOST = """
import ssl

at_import = ssl.create_default_context()


def main() -> None:
    for context in (at_import, ssl.create_default_context()):
        print(context.cert_store_stats()["x509_ca"] > 0, context.verify_mode.name)
"""


@pytest.mark.parametrize("imports_with_certificates", [True, False])
def test_contexts_made_at_import_trust_nobody_where_a_host_says_so(
    tmp_path: Path, imports_with_certificates: bool
) -> None:
    """Those that are made later trust whom the system does."""
    (tmp_path / "some_host.py").write_text(TLS_HOST)
    code = (
        "from reftrail.hosting.starting import start; "
        f"start('some_host', imports_with_certificates={imports_with_certificates})"
    )
    trusted = {"SSL_CERT_FILE": certifi.where()}

    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | trusted,
        capture_output=True,
        text=True,
        check=True,
    )

    expected = [str(imports_with_certificates), "CERT_REQUIRED", "True", "CERT_REQUIRED"]
    assert found.stdout.split() == expected

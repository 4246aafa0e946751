"""A ClickHouse server for the time of some tests: a process that answers as one, or a container."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from reftrail.local.held_process import HeldProcess
from reftrail.local.ports import free_port
from support import local_http

PROGRAM: Final = Path(__file__).with_name("clickhouse_server.py")
IMAGE: Final = "clickhouse/clickhouse-server:25.8"
"""As in `infra/compose/compose.yaml`."""
_STARTS_WITHIN: Final = 60.0


@contextmanager
def served_clickhouse(directory: Path) -> Iterator[str]:
    """The address of a server on a directory, for any user: `http://HOST:PORT`."""
    port = free_port()
    address, log = f"http://127.0.0.1:{port}", directory.with_suffix(".log")
    with log.open("wb") as out:
        server = HeldProcess[bytes](
            [sys.executable, PROGRAM, str(port), str(directory)],
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(server, address, log)
        yield address
    finally:
        server.kill()
        server.wait()


@contextmanager
def clickhouse_container() -> Iterator[str]:
    """The URL of a database on a real server. Needs Docker, and the image there or its registry."""
    # Imported here: it takes a second, and most tests do without.
    from testcontainers.community.clickhouse import ClickHouseContainer  # noqa: PLC0415

    with ClickHouseContainer(IMAGE, username="one", password="two", dbname="default") as server:
        place = f"{server.get_container_host_ip()}:{server.get_exposed_port(8123)}"
        yield f"http://one:two@{place}/default"


def _wait(server: HeldProcess[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            if local_http.get(f"{address}/ping").is_success:
                return
        except httpx.HTTPError:
            pass
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)

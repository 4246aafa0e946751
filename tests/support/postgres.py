"""A real PostgreSQL for the session, where its programs are installed; else its tests are left out.

`pytest -m postgres` runs them alone. Where there is no server to be found they are deselected, and
the header says so.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from reftrail.local.held_process import HeldProcess
from reftrail.local.ports import free_port

MARK = "postgres"
_SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB")


@dataclass(frozen=True)
class Postgres:
    """A running server on this machine."""

    port: int

    def new_database(self) -> str:
        """The SQLAlchemy URL of a database that nobody else uses."""
        name = f"codes_{secrets.token_hex(6)}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://reftrail@127.0.0.1:{self.port}/{name}"

    def _conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=reftrail dbname={database}"


def programs() -> Path | None:
    """The directory of initdb and postgres: on the path, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: needs PostgreSQL's server programs")


def pytest_report_header() -> str:
    return f"postgres: {programs() or 'not found, its tests are deselected'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if programs() is not None:
        return
    left_out = [item for item in items if item.get_closest_marker(MARK)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The server, ended with the session. It refuses to run as root, so then it is nobody's."""
    found = programs()
    assert found is not None, "deselected without it"
    directory = Path("/tmp") / f"reftrail-postgres-{secrets.token_hex(4)}"
    directory.mkdir(mode=0o700)
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        shutil.chown(directory, user)
    port = free_port()
    log = tmp_path_factory.mktemp("postgres") / "log"
    try:
        with log.open("wb") as out:
            subprocess.run(
                [found / "initdb", "-D", directory / "data", "-U", "reftrail", "--no-sync"],
                stdout=out,
                stderr=out,
                check=True,
                user=user,
                cwd="/",
            )
            settings = [part for setting in _SETTINGS for part in ("-c", setting)]
            server = HeldProcess[bytes](
                [
                    str(found / "postgres"),
                    *("-D", str(directory / "data")),
                    *("-p", str(port)),
                    *("-k", str(directory)),
                    *settings,
                ],
                stdout=out,
                stderr=out,
                user=user,
                cwd="/",
            )
        try:
            _wait(port, server, log)
            yield Postgres(port)
        finally:
            server.send_signal(signal.SIGINT)  # ends at once, even with open connections
            server.wait()
    finally:
        shutil.rmtree(directory)


def _wait(port: int, server: HeldProcess[bytes], log: Path) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=reftrail dbname=postgres").close()
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        else:
            return

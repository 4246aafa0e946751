"""SQLite file of a host: safe against a power cut, and readable by its owner alone."""

import fcntl
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from reftrail.hosting.private_files import make_private_directory, private

READS_ONLY: Final = "reads_only"
"""The execution option of a connection whose transactions wait for nobody, and write nothing."""

_BUSY_SECONDS: Final = 30
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def private_file(path: Path) -> None:
    """Make a file that its owner alone can read, or make one that is there so. Raises OSError.

    So is the directory, where it has to be made.
    SQLite gives the files beside it the same mode.
    """
    make_private_directory(path.parent)
    os.close(private(str(path), os.O_RDWR | os.O_CREAT))
    for found in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError):
            if found.stat().st_mode & 0o077:
                found.chmod(0o600)


def locked(path: Path) -> TextIO:
    """A lock beside a file, held until it is closed or the process ends.

    Raises BlockingIOError if another process holds it, and OSError where it can't be made.
    """
    beside = path.with_name(f"{path.name}.lock")
    lock = open(beside, "a+", encoding="utf-8", opener=private)  # noqa: SIM115  the caller's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise
    return lock


def durable_engine(path: Path) -> sa.Engine:
    """The database in a file; each transaction is the only one, and on the disk at its end.

    One of a connection that is `READS_ONLY` sees what was there at its beginning.
    """
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": _BUSY_SECONDS},
        hide_parameters=True,  # an error is logged, and a row has ids of people
    )
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    """No transaction is begun but by `_begin`, and what is committed survives a power cut."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def is_busy(error: DatabaseError) -> bool:
    """Whether others were writing to the file for as long as a transaction waits for them."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _BUSY


def _begin(connection: sa.Connection) -> None:
    """The only one that writes from its beginning, so that none fails half way."""
    reads = connection.get_execution_options().get(READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

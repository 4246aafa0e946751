"""Database of codes: SQLite in a file, or PostgreSQL, with the same statements."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, Self

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from reftrail.codes.store.migrations import migrate
from reftrail.codes.store.tables import METADATA, VERSION, installed
from reftrail.contracts.errors import ExpectedError

_BUSY_MS: Final = 30_000
_OPENING_SECONDS: Final = 30.0
_ADVISORY_LOCK: Final = 0x7265667472  # "reftr"; any number, the same in all processes


class Store:
    """One database. Open it with `Store.open`; may be used from several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._thread = threading.local()

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at an SQLAlchemy URL, its tables made if they aren't there.

        Raises `ExpectedError` if it doesn't answer, was made by a newer reftrail, or was made by an
        older one and has codes that can't stay beside each other.
        """
        engine = _engine(url)
        store = cls(engine)
        try:
            if engine.dialect.name == "sqlite":
                _write_ahead(engine)
            with store.write() as connection:
                store._install(connection)
        except DBAPIError as error:
            engine.dispose()
            raise ExpectedError(
                f"the store of codes {store.name} does not answer: {error.orig}; is "
                f"REFTRAIL_CODES_STORE right, and does the database run?"
            ) from error
        except BaseException:
            engine.dispose()
            raise
        return store

    @property
    def name(self) -> str:
        """Its URL, without the password."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that changes nothing."""
        joined = self._together
        if joined is not None:
            yield joined
            return
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction, committed at the end, undone on an error.

        In SQLite it is the only one that writes from its beginning, so that none fails half way.
        """
        joined = self._together
        if joined is not None:
            with joined.begin_nested():
                yield joined
            return
        writing = self._engine.connect().execution_options(reftrail_writes=True)
        with writing as connection, connection.begin():
            yield connection

    @contextmanager
    def together(self) -> Iterator[sa.Connection]:
        """One transaction around all that this thread reads and writes meanwhile."""
        with self.write() as connection:
            self._thread.together = connection
            try:
                yield connection
            finally:
                self._thread.together = None

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @property
    def _together(self) -> sa.Connection | None:
        found: sa.Connection | None = getattr(self._thread, "together", None)
        return found

    def _install(self, connection: sa.Connection) -> None:
        """Make the tables, one process at a time."""
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        METADATA.create_all(connection)
        found = connection.execute(sa.select(installed.c.version)).scalar_one_or_none()
        if found is None:
            connection.execute(sa.insert(installed).values(version=VERSION))
        elif found < VERSION:
            migrate(connection, found, self.name)
        elif found > VERSION:
            raise ExpectedError(
                f"the store of codes {self.name} has version {found}, this reftrail knows "
                f"version {VERSION}; install the reftrail that made it, or a newer one"
            )


def _engine(url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(
            url,
            connect_args=_connecting(sa.make_url(url)),
            json_deserializer=msgspec.json.decode,  # half of the time of reading codes otherwise
            hide_parameters=True,  # an error is logged, and a row has ids of people
        )
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise ExpectedError(
            f"REFTRAIL_CODES_STORE cannot be used ({error}); give sqlite:////PATH/codes.sqlite, or "
            f"postgresql+psycopg://USER:PASSWORD@HOST/DATABASE with reftrail[postgres] installed"
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connecting(url: sa.URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite" if url.database in (None, "", ":memory:"):
            raise ExpectedError(
                "REFTRAIL_CODES_STORE names a database in memory, which nobody else would see; "
                "name a file: sqlite:////PATH/codes.sqlite"
            )
        case "sqlite":
            return {"timeout": _BUSY_MS / 1000}
        case "postgresql":
            return {"connect_timeout": 10, "options": f"-c lock_timeout={_BUSY_MS}"}
        case other:
            raise ExpectedError(
                f"REFTRAIL_CODES_STORE names {other}; SQLite and PostgreSQL are what is tested"
            )


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Only `_begin_sqlite` begins transactions; what is committed survives a power cut."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("reftrail_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(engine: sa.Engine) -> None:
    """Let readers go on beside a writer. SQLite doesn't wait where two processes ask for this."""
    until = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            with closing(engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
        except sqlite3.Error as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise OperationalError("PRAGMA journal_mode=WAL", None, error) from error
            time.sleep(0.01)
        else:
            return

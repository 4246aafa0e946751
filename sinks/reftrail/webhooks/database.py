"""SQLite file of the store of webhooks: the host and the command have it open at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.sqlite_file import READS_ONLY, durable_engine, is_busy, private_file
from reftrail.webhooks.tables import METADATA, VERSION, installed

_NAMES: Final = frozenset(METADATA.tables)


class StoreBusy(ExpectedError):  # noqa: N818  named after what is the matter with the store
    """Others have been writing to the store for too long; it can be tried again."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the store of webhooks {path} is locked: another process has been writing to it for "
            f"half a minute; try again, and look for one that hangs if that doesn't help"
        )


class Database:
    """Open it with `Database.open`; may be used from several threads."""

    def __init__(self, path: Path, engine: sa.Engine) -> None:
        self.path = path
        self._engine = engine

    @classmethod
    def open(cls, path: Path) -> Self:
        """The store in a file, made if it isn't there. Raises `ExpectedError`."""
        try:
            private_file(path)
        except OSError as error:
            raise ExpectedError(
                f"the store of webhooks {path} can't be written: {error.strerror}; give another "
                f"file in REFTRAIL_WEBHOOKS_STORE, or change the file's or the directory's owner "
                f"or rights"
            ) from error
        store = cls(path, durable_engine(path))
        try:
            store._install()
        except DatabaseError as error:
            store.close()
            if is_busy(error):
                raise StoreBusy(path) from error
            raise ExpectedError(
                f"the store of webhooks {path} can't be used: {error.orig}; put back the file "
                f"that was there, or give another one in REFTRAIL_WEBHOOKS_STORE"
            ) from error
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open_existing(cls, path: Path) -> Self:
        """The store in a file that is there. Raises `ExpectedError`."""
        if not path.exists():
            raise ExpectedError(
                f"there is no store of webhooks {path}; give the webhooks host's in "
                f"REFTRAIL_WEBHOOKS_STORE, or make one with: reftrail webhooks add"
            )
        return cls.open(path)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """The only transaction there is meanwhile; on the disk at the end, undone on an error.

        Raises `StoreBusy`.
        """
        with self._connected(reads_only=False) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees what is there now, and holds up nobody."""
        with self._connected(reads_only=True) as connection:
            yield connection

    @contextmanager
    def _connected(self, *, reads_only: bool) -> Iterator[sa.Connection]:
        try:
            with (
                self._engine.connect() as connection,
                connection.execution_options(**{READS_ONLY: reads_only}).begin(),
            ):
                yield connection
        except DatabaseError as error:
            if is_busy(error):
                raise StoreBusy(self.path) from error
            raise

    def _install(self) -> None:
        """Make what isn't there. Where all is, nothing is written, and nobody is waited for."""
        with self.reading() as connection:
            names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
        if not names >= _NAMES:
            with self.transaction() as connection:
                METADATA.create_all(connection)
                if connection.execute(sa.select(installed.c.version)).scalar_one_or_none() is None:
                    connection.execute(sa.insert(installed).values(version=VERSION))
        with self.reading() as connection:
            found = connection.execute(sa.select(installed.c.version)).scalar_one()
        if found != VERSION:
            raise ExpectedError(
                f"the store of webhooks {self.path} has version {found}, this reftrail knows "
                f"version {VERSION}; install the reftrail that made it, or a newer one"
            )

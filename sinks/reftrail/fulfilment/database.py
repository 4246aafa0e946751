"""SQLite file of the journal: opened by one process at a time, and safe against a power cut."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TextIO
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from reftrail.contracts.errors import ExpectedError
from reftrail.fulfilment.tables import METADATA, TO_2, VERSION, installation
from reftrail.hosting.sqlite_file import durable_engine, locked, private_file


class Database:
    """Open it with `Database.open`; may be used from several threads."""

    def __init__(self, path: Path, engine: sa.Engine, lock: TextIO) -> None:
        self.path = path
        self._engine = engine
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> Self:
        """The database in a file, made if it isn't there, for this process alone.

        Raises `ExpectedError` if another process has it, or it isn't of this version.
        """
        lock = _locked(path)
        engine = durable_engine(path)
        database = cls(path, engine, lock)
        try:
            database._install()
        except DatabaseError as error:
            database.close()
            raise ExpectedError(
                f"the journal {path} can't be used: {error.orig}; put back the file that was "
                f"there, or give another one in REFTRAIL_FULFILMENT_JOURNAL"
            ) from error
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """The only transaction there is meanwhile; on the disk at the end, undone on an error."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections and let go of the file."""
        self._engine.dispose()
        self._lock.close()

    def belong_to(self, identity: str) -> None:
        """Remember whose journal this is. Raises `ExpectedError` if it is another installation's.

        identity is that of the topics it tells about.
        """
        with self.transaction() as connection:
            found = connection.execute(sa.select(installation.c.identity)).scalar_one()
            if found is None:
                connection.execute(sa.update(installation).values(identity=identity))
            elif found != identity:
                raise ExpectedError(
                    f"the journal {self.path} is that of other topics ({found}, not {identity}): "
                    f"they were made again, or this is another installation; give each its own "
                    f"file in REFTRAIL_FULFILMENT_JOURNAL"
                )

    def member(self) -> str:
        """A name for the process that writes from this journal, the same after every start."""
        with self.transaction() as connection:
            found: str | None = connection.execute(sa.select(installation.c.member)).scalar_one()
            if found is None:
                found = uuid4().hex
                connection.execute(sa.update(installation).values(member=found))
            return found

    def _install(self) -> None:
        with self.transaction() as connection:
            is_new = not sa.inspect(connection).has_table(installation.name)
            found = (
                None
                if is_new
                else connection.execute(sa.select(installation.c.version)).scalar_one_or_none()
            )
            if found == 1:
                for statement in TO_2:
                    connection.exec_driver_sql(statement)
                connection.execute(sa.update(installation).values(version=VERSION))
                found = VERSION
            METADATA.create_all(connection)
            for index in (index for table in METADATA.tables.values() for index in table.indexes):
                index.create(connection, checkfirst=True)
            if found is None:
                connection.execute(sa.insert(installation).values(version=VERSION))
            elif found != VERSION:
                raise ExpectedError(
                    f"the journal {self.path} has version {found}, this reftrail knows version "
                    f"{VERSION}; install the reftrail that made it, or a newer one"
                )


def _locked(path: Path) -> TextIO:
    """A lock beside the file, held until it is closed or the process ends.

    The file is readable by its owner alone: codes in the pool are worth money.
    """
    try:
        private_file(path)
        return locked(path)
    except BlockingIOError as error:
        raise ExpectedError(
            f"another fulfilment has the journal {path}; stop it, or give this one a journal and "
            f"a group of its own"
        ) from error
    except OSError as error:
        raise ExpectedError(
            f"the journal {path} can't be written: {error.strerror}; give another file in "
            f"REFTRAIL_FULFILMENT_JOURNAL, or change the directory's owner or rights"
        ) from error

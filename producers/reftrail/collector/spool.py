"""Spool of a collector: messages on the disk that Kafka doesn't have yet, in the order they came.

An SQLite file (WAL, synchronous=FULL): what `append` has returned from survives kill -9 and a power
cut, and what was cut short in it never was. The file's lock makes it one process's own.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TextIO

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from reftrail.collector.interfaces import Backlog, Message
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Millis
from reftrail.hosting.sqlite_file import READS_ONLY, durable_engine, locked, private_file

FILE: Final = "spool.sqlite"
_OVERHEAD: Final = 64  # of a row, about
_READ_BYTES: Final = 2**20
_VERSION: Final = 1

_METADATA: Final = sa.MetaData()
_contents = sa.Table(
    "contents",
    _METADATA,
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
)
_messages = sa.Table(
    "messages",
    _METADATA,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("accepted_at", sa.Integer, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # a place is never another message's, also once all are removed
)


class Spooled(NamedTuple):
    """A message in the spool: its place in the order, and when it was accepted."""

    place: int
    accepted_at: Millis
    message: Message


def size_of(message: Message) -> int:
    """The bytes that a message takes."""
    return len(message.key) + len(message.value) + _OVERHEAD


class Spool:
    """An open spool of one topic. Its methods block; they are for one thread at a time."""

    def __init__(self, path: Path, engine: sa.Engine, lock: TextIO | None, topic: str = "") -> None:
        self.path = path
        self._engine = engine
        self._lock = lock
        self._topic = topic
        self._is_prepared = True

    @classmethod
    def open(cls, directory: Path, topic: str) -> Self:
        """The spool of a topic, by its full name, in a directory; made if it isn't there.

        Raises `ExpectedError`.
        """
        path = directory / FILE
        try:
            private_file(path)
            lock = locked(path)
        except BlockingIOError as error:
            raise ExpectedError(
                f"another collector writes to the spool {directory}; give each a directory of its "
                f"own in REFTRAIL_COLLECTOR_SPOOL"
            ) from error
        except OSError as error:
            raise ExpectedError(
                f"the spool {directory} can't be written: {error.strerror}; give another directory "
                f"in REFTRAIL_COLLECTOR_SPOOL, or change its owner or rights"
            ) from error
        opened = cls(path, durable_engine(path), lock, topic)
        try:
            opened._prepare()
        except DatabaseError as error:
            raise _damaged(path, error) from error
        return opened

    @classmethod
    def open_existing(cls, directory: Path) -> Self:
        """A spool to read from, which a collector may be writing to. Raises `ExpectedError`."""
        path = directory / FILE
        if not path.is_file():
            raise ExpectedError(
                f"there is no spool in {directory}; give the directory of REFTRAIL_COLLECTOR_SPOOL"
            )
        return cls(path, durable_engine(path), None)

    def _prepare(self) -> None:
        topic = self._topic
        with self._engine.begin() as connection:
            _METADATA.create_all(connection)
            found = connection.execute(sa.select(_contents)).one_or_none()
            if found is None:
                connection.execute(_contents.insert().values(version=_VERSION, topic=topic))
            elif found.version != _VERSION:
                raise ExpectedError(
                    f"{self.path} was made by another version of reftrail; start that one until it "
                    f"is empty (reftrail spool show)"
                )
            elif found.topic != topic:
                raise ExpectedError(
                    f"{self.path} has messages for {found.topic}, and this collector writes to "
                    f"{topic}; give it a directory of its own in REFTRAIL_COLLECTOR_SPOOL"
                )
        self._is_prepared = True

    def append(self, messages: Sequence[Message], accepted_at: Millis) -> None:
        """Add messages at the end: all are on the disk, or none. Raises DatabaseError."""
        rows = [
            {"accepted_at": accepted_at, "key": message.key, "value": message.value}
            for message in messages
        ]
        if not self._is_prepared:
            self._prepare()
        with self._engine.begin() as connection:
            connection.execute(_messages.insert(), rows)

    def after(self, place: int, most_bytes: int) -> list[Spooled]:
        """The first messages behind a place, at least one if there is any, of so many bytes."""
        asked = sa.select(_messages).where(_messages.c.place > place).order_by(_messages.c.place)
        found: list[Spooled] = []
        size = 0
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=200).execute(asked):
                message = Message(row.key, row.value)
                size += size_of(message)
                if found and size > most_bytes:
                    break
                found.append(Spooled(row.place, row.accepted_at, message))
        return found

    def read(self) -> Iterator[Spooled]:
        """All messages, in order."""
        place, found = 0, self.after(0, _READ_BYTES)
        while found:
            yield from found
            place = found[-1].place
            found = self.after(place, _READ_BYTES)

    def drop_through(self, place: int) -> None:
        """Remove messages up to a place, which Kafka has. Raises DatabaseError."""
        with self._engine.begin() as connection:
            connection.execute(_messages.delete().where(_messages.c.place <= place))

    def backlog(self) -> Backlog:
        """The messages that are in it."""
        size = sa.func.length(_messages.c.key) + sa.func.length(_messages.c.value) + _OVERHEAD
        asked = sa.select(
            sa.func.count(), sa.func.sum(size), sa.func.min(_messages.c.accepted_at)
        ).select_from(_messages)
        try:
            with self._reading() as connection:
                count, total, oldest = connection.execute(asked).one()
        except DatabaseError as error:
            raise _damaged(self.path, error) from error
        return Backlog(count, total or 0, oldest)

    def shrink(self) -> None:
        """Give the disk what an empty spool no longer needs. Raises DatabaseError."""
        raw = self._engine.raw_connection()
        try:
            driver: Any = raw.driver_connection
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()

    def clear(self) -> None:
        """Make the file anew, without messages: Kafka has them all. Raises DatabaseError, OSError.

        Places begin anew, too. On a full disk nothing else works: to remove rows takes room.
        The log goes last: SQLite removes that of an empty file, and can't do without that of one
        whose checkpoint was cut short.
        """
        self._is_prepared = False
        self._engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(f"{self.path.name}{suffix}").unlink(missing_ok=True)
        private_file(self.path)
        self._prepare()

    def close(self) -> None:
        """Let another process have it."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def _reading(self) -> sa.Connection:
        return self._engine.connect().execution_options(**{READS_ONLY: True})


def _damaged(path: Path, error: DatabaseError) -> ExpectedError:
    return ExpectedError(
        f"the spool {path} can't be read: {error.orig}; if the disk is sound, move the file away "
        f"(what sqlite3's .recover finds in it was acknowledged and isn't in Kafka) and start again"
    )

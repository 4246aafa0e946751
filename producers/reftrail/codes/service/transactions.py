"""Transactions of the service: retried after a concurrent update, explained when they fail."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from reftrail.codes.model import By
from reftrail.codes.store import Store
from reftrail.codes.store.writing import ConcurrentUpdate, UnitOfWork
from reftrail.codes.validation import check_text
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Millis

logger = logging.getLogger(__name__)

T = TypeVar("T")

_TRIES: Final = 10
_PAUSE_SECONDS: Final = 0.01
_TO_BE_REPEATED: Final = ("40001", "40P01")
"""Serialization failure and deadlock: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


class Transactions:
    """Begins and ends transactions on a store."""

    def __init__(self, store: Store, clock: Callable[[], Millis]) -> None:
        self._store = store
        self._clock = clock

    def run(self, by: By, do: Callable[[UnitOfWork], T]) -> tuple[UnitOfWork, T]:
        """Do it in one transaction; again, if another one was first.

        Raises `ExpectedError` if the database doesn't answer, or others were first all the time.
        """
        check_text("actor", by.actor)
        if by.reason is not None:
            check_text("reason", by.reason, 2_000)
        at = self._clock() if by.at is None else by.at
        for attempt in range(_TRIES):
            try:
                with _explaining(self._store), self._store.write() as connection:
                    work = UnitOfWork(connection, by, at)
                    result = do(work)
                    work.flush()
            except (ConcurrentUpdate, _Repeat) as error:
                logger.info("begun again, another transaction was first: %r", error)
                time.sleep(_PAUSE_SECONDS * attempt)
            else:
                return work, result
        raise ExpectedError(
            f"the store of codes {self._store.name} is so busy that {_TRIES} attempts in a row "
            f"failed; try again"
        )

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that changes nothing. Raises `ExpectedError` as `run` does."""
        with _explaining(self._store), self._store.read() as connection:
            yield connection


class _Repeat(Exception):  # noqa: N818  (says what is to be done)
    """The database has given up this transaction in favour of another one."""


@contextmanager
def _explaining(store: Store) -> Iterator[None]:
    """Let through what is to be repeated, and what is a defect; the rest a person can put right."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state in _TO_BE_REPEATED:
            raise _Repeat from error
        if isinstance(error, IntegrityError):
            raise
        raise ExpectedError(
            f"the store of codes {store.name} does not answer as it should: {error.orig}"
        ) from error

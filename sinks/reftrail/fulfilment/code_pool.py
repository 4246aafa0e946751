"""Pool of codes, each handed out once: from a file, through the journal's table `pool`."""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported
from reftrail.contracts.partitions import partition_of
from reftrail.fulfilment.answers import Answer, Deferred, Delivered
from reftrail.fulfilment.database import Database
from reftrail.fulfilment.tables import pool

KIND: Final = "code"
_LONGEST: Final = 200

_log = logging.getLogger(__name__)


class CodePool:
    """Fulfils orders whose kind is code. The code is the report's reference.

    An order that names an item gets one of that item's codes, any other a code of no item. Where
    several processes share the orders, each hands out the codes whose own partition it has.
    """

    def __init__(self, database: Database, path: Path | None = None) -> None:
        self._database = database
        self._path = path
        self._read: tuple[int, int] | None = None
        self._own: tuple[frozenset[int], int] | None = None

    def share(self, own: Collection[int], partitions: int) -> None:
        """Hand out what others don't: codes that belong to own partitions, of so many."""
        is_all = len(own) == partitions
        self._own = None if is_all else (frozenset(own), partitions)

    def fulfil(self, order: RewardGranted) -> Answer:
        """The code that the reward got earlier, or the first that is left."""
        item = order.item or ""
        code = self._take(order.reward_id, item)
        if code is None:
            try:
                self.load()
            except ExpectedError as error:
                return Deferred(str(error), in_doubt=False)
            code = self._take(order.reward_id, item)
        if code is None:
            which = f"item {order.item}" if order.item else "no item"
            return Deferred(f"no codes of {which} are left in the pool; add some", in_doubt=False)
        return Delivered(reference=code)

    def load(self) -> int:
        """Put the file's codes into the pool if it has changed; says how many were new.

        What was in the pool stays there, also where it isn't in the file any more. Raises
        `ExpectedError` if the file can't be read.
        """
        if self._path is None:
            return 0
        try:
            now = self._path.stat()
            version = (now.st_mtime_ns, now.st_size)
            if version == self._read:
                return 0
            codes = codes_in(self._path.read_text("utf-8"), str(self._path))
        except (OSError, UnicodeDecodeError) as error:
            raise ExpectedError(
                f"the codes to hand out can't be read from {self._path}: {error}; put the file "
                f"there, or change REFTRAIL_FULFILMENT_CODES_FILE"
            ) from error
        added = self._add(codes)
        self._read = version
        _log.info("%s: %d codes, %d of them new", self._path, len(codes), added)
        return added

    def _add(self, codes: list[tuple[str, str]]) -> int:
        with self._database.transaction() as connection:
            before = connection.execute(sa.select(sa.func.count()).select_from(pool)).scalar_one()
            if codes:
                connection.execute(
                    insert(pool).on_conflict_do_nothing(),
                    [{"code": code, "item": item} for code, item in codes],
                )
            after = connection.execute(sa.select(sa.func.count()).select_from(pool)).scalar_one()
            return int(after - before)

    def _take(self, reward_id: str, item: str) -> str | None:
        with self._database.transaction() as connection:
            had = sa.select(pool.c.code).where(pool.c.reward_id == reward_id)
            code: str | None = connection.execute(had).scalar_one_or_none()
            if code is not None:
                return code
            left = connection.execute(
                sa.select(pool.c.number, pool.c.code)
                .where(pool.c.item == item, pool.c.reward_id.is_(None))
                .order_by(pool.c.number)
            )
            found = next((row for row in left if self._is_own(row.code)), None)
            left.close()
            if found is None:
                return None
            connection.execute(
                sa.update(pool).where(pool.c.number == found.number).values(reward_id=reward_id)
            )
            return str(found.code)

    def _is_own(self, code: str) -> bool:
        if self._own is None:
            return True
        own, partitions = self._own
        return partition_of(code, partitions) in own


def codes_in(text: str, name: str) -> list[tuple[str, str]]:
    """The codes in a file's text, each with its item ("" for none): a line `CODE` or `CODE,ITEM`.

    Empty lines and those that begin with # say nothing. Raises `ExpectedError` naming the line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        code, _, item = (part.strip() for part in line.partition(","))
        if not code or len(code) > _LONGEST or "," in item:
            raise ExpectedError(
                f"{name}, line {number}: expected CODE or CODE,ITEM with a code of 1 to {_LONGEST} "
                f"characters"
            )
        found.append((code, item))
    return found


def mark_used(connection: sa.Connection, report: FulfilmentReported) -> None:
    """Learn from the log that a code is a reward's; it may not be in the pool yet."""
    is_given = report.kind == KIND and report.outcome == FulfilmentOutcome.DELIVERED
    if not is_given or report.reference is None:
        return
    # The reward may have another code here that was never reported.
    connection.execute(
        sa.update(pool).where(pool.c.reward_id == report.reward_id).values(reward_id=None)
    )
    given = insert(pool).values(code=report.reference, item="", reward_id=report.reward_id)
    connection.execute(
        given.on_conflict_do_update(index_elements=["code"], set_={"reward_id": report.reward_id})
    )

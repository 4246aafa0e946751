"""Acts on codes that exist: on one of them, or on all of a prefix or campaign."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, TypeVar

from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.model import By, Changes, Code, Filter, Reissued
from reftrail.codes.service import batches, lifecycle
from reftrail.codes.service.batches import in_batch
from reftrail.codes.service.capacity import Capacity
from reftrail.codes.service.format_admin import named
from reftrail.codes.service.imports import Importing
from reftrail.codes.service.issuing import Issuing
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.codes.service.queries import CodeQueries
from reftrail.codes.service.reissue import reissue
from reftrail.codes.service.transactions import Transactions
from reftrail.codes.store import Store, reading
from reftrail.codes.store.writing import UnitOfWork
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeAct
from reftrail.contracts.times import now

T = TypeVar("T")

_WORTH_A_COUNT: Final = 100


class CodeActs(CodeQueries):
    """Acts of `CodeService` on codes that were issued before, and the transactions of all acts."""

    def __init__(
        self,
        store: Store,
        *,
        secret: MasterSecret | None = None,
        clock: Callable[[], Millis] = now,
        metrics: CodeMetrics | None = None,
    ) -> None:
        """Derived codes need the secret; the clock is asked where `By` has no time."""
        self.metrics = metrics or CodeMetrics()
        super().__init__(Transactions(store, clock), secret, clock)
        self._capacity = Capacity(self.metrics)
        self._importing = Importing(self._transact, self._judging)

    # -- on one code ---------------------------------------------------------------------------
    def bind(
        self,
        code: str,
        by: By,
        *,
        owner_user_id: str | None = None,
        record: tuple[str, str] | None = None,
    ) -> Code:
        """Give a code its owner, or the record (kind, id) that it belongs to; what it has stays.

        Also for a derived code that nobody has touched yet. ActRefused: NOT_FOUND, CLASH (it has
        another), STATUS.
        """
        return self._transact(
            by,
            lambda work: lifecycle.bind(
                work, self._locked(work, code), work.formats(), owner_user_id, record
            ),
        )

    def change(self, code: str, by: By, changes: Changes) -> Code:
        """Change what may be changed. ActRefused: NOT_FOUND, INVALID, STATUS (revoked)."""
        return self._transact(
            by, lambda work: lifecycle.change(work, self._locked(work, code), changes)
        )

    def rehash(self, code: str, by: By, keys: tuple[str, str], hashes: Mapping[str, str]) -> Code:
        """Write hashes of the owner's signals under another key (former, present): see `lifecycle`.

        ActRefused: NOT_FOUND.
        """
        return self._transact(
            by, lambda work: lifecycle.rehash(work, self._locked(work, code), keys, hashes)
        )

    def distribute(self, code: str, by: By, *, channel: str | None = None, count: int = 1) -> Code:
        """Count that a code was handed out. ActRefused: NOT_FOUND, LIMIT, STATUS."""
        return self._transact(
            by, lambda work: lifecycle.distribute(work, self._locked(work, code), channel, count)
        )

    def suspend(self, code: str, by: By) -> Code:
        """Stop an active code until it is reactivated. ActRefused: NOT_FOUND, STATUS."""
        return self._move(CodeAct.SUSPENDED, code, by)

    def reactivate(self, code: str, by: By) -> Code:
        """Make a suspended code active, or an expired one whose expires_at was moved."""
        return self._move(CodeAct.REACTIVATED, code, by)

    def revoke(self, code: str, by: By) -> Code:
        """End a code for good; once revoked, nothing changes. ActRefused: NOT_FOUND."""
        return self._move(CodeAct.REVOKED, code, by)

    def expire(self, code: str, by: By) -> Code:
        """Note that a code's time is over. ActRefused: NOT_FOUND, STATUS."""
        return self._move(CodeAct.EXPIRED, code, by)

    def reissue(self, code: str, by: By, *, format_name: str | None = None) -> Reissued:
        """Replace a code: a new one on the same terms, and the old one revoked.

        The new one is of the same format where that can be, else of format_name. Give callers who
        may not know the record `reissued.new.without_record()`. ActRefused: NOT_FOUND, STATUS.
        """
        return self._transact(
            in_batch(by),
            lambda work: reissue(
                work,
                self._locked(work, code),
                work.formats(),
                format_name,
                Issuing(self._secret, self.metrics),
            ),
        )

    # -- on many -------------------------------------------------------------------------------
    def act_on_all(self, act: CodeAct, which: Filter, by: By) -> Iterator[list[Code]]:
        """suspended, reactivated, revoked or expired, for all codes of a prefix or campaign.

        Codes for which it changes nothing or isn't allowed are skipped. Some thousands to a
        transaction, all under one batch_id; lists hold the codes that were changed. Derived codes
        without a row have nothing to be changed: retire their format.
        """
        lifecycle.check_bulk(act, which)
        return self._act_on_all(act, which, in_batch(by))

    # -- within --------------------------------------------------------------------------------
    def _transact(self, by: By, do: Callable[[UnitOfWork], T]) -> T:
        """Do it in one transaction, and count what was issued once that is committed."""
        work, result = self._transactions.run(by, do)
        for (origin, format_name), count in work.issued.items():
            self.metrics.issued.labels(origin or "unknown").inc(count)
            if count >= _WORTH_A_COUNT and format_name is not None:
                self._note_capacity_of(format_name)
        return result

    def _locked(self, work: UnitOfWork, code: str) -> lifecycle.LockedCode:
        formats = work.formats()
        return lifecycle.lock(work, code, formats, self._judging(formats))

    def _move(self, act: CodeAct, code: str, by: By) -> Code:
        return self._transact(by, lambda work: lifecycle.move(work, act, self._locked(work, code)))

    def _act_on_all(self, act: CodeAct, which: Filter, by: By) -> Iterator[list[Code]]:
        after: str | None = None
        while True:
            after, changed = self._transact(
                by,
                partial(
                    lifecycle.move_some, act=act, which=which, after=after, limit=batches.CHUNK
                ),
            )
            if changed:
                yield changed
            if after is None:
                return

    def _note_capacity_of(self, format_name: str) -> None:
        with self._transactions.reading() as connection:
            used = reading.used_of(connection, format_name)
            format_ = named(reading.all_formats(connection), format_name)
        self._capacity.note(format_, used)

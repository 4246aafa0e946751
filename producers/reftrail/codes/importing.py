"""Taking over codes that exist already, in transactions of the service's: all or none, or most."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from reftrail.codes.batches import chunks, in_batch
from reftrail.codes.formats import Formats
from reftrail.codes.store.writing import Writing
from reftrail.codes.taking_over import counted, take_over
from reftrail.codes.terms import By, Format, GivenCode, Imported, Origin
from reftrail.codes.validity import check_code, check_terms
from reftrail.contracts.code_spelling import spelled

Transact: TypeAlias = Callable[[By, Callable[[Writing], Imported]], Imported]


class _Clashing(Exception):  # noqa: N818  (undoes a transaction)
    """Some of the codes that were to be taken over together can't be."""

    def __init__(self, done: Imported) -> None:
        super().__init__()
        self.done = done


class Importing:
    """By the transactions of a service, and by formats as it has them judge texts."""

    def __init__(self, transact: Transact, judging: Callable[[Sequence[Format]], Formats]) -> None:
        self._transact = transact
        self._judging = judging

    def all_or_none(self, origin: Origin, codes: Iterable[GivenCode], by: By) -> Imported:
        """In one transaction, or none if one of them clashes: added and unchanged are 0 then."""
        batch = in_batch(by)

        def do(work: Writing) -> Imported:
            done = Imported(0, 0, (), str(batch.batch_id))
            for chunk in chunks(codes):
                done = self._take_over(work, origin=origin, given=chunk, before=done)
                work.flush()
            if done.clashes:
                raise _Clashing(done)
            return done

        try:
            return self._transact(batch, do)
        except _Clashing as found:
            return replace(found.done, added=0, unchanged=0)

    def without_clashes(self, origin: Origin, codes: Iterable[GivenCode], by: By) -> Imported:
        """All but those that clash, some thousands to a transaction."""
        batch = in_batch(by)
        done = Imported(0, 0, (), str(batch.batch_id))
        for chunk in chunks(codes):
            taking = partial(self._take_over, origin=origin, given=chunk, before=done)
            done = self._transact(batch, taking)
        return done

    def _take_over(
        self,
        work: Writing,
        *,
        origin: Origin,
        given: Sequence[GivenCode],
        before: Imported,
    ) -> Imported:
        for one in given:
            check_code(one.code)
            check_terms(one.terms)
        codes = [replace(one, code=spelled(one.code)) for one in given]
        formats = work.formats()
        outcomes = take_over(work, origin, codes, formats, self._judging(formats))
        return counted(before, codes, outcomes)

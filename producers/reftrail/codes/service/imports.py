"""Imports of codes that exist already, on paper or in another system, as they are written there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import msgspec

from reftrail.codes.formats import Formats, Retired, UnknownFormat, Valid, WellFormed
from reftrail.codes.formats.vanity import skeleton
from reftrail.codes.model import By, Clash, Code, Format, GivenCode, Imported, Origin
from reftrail.codes.service.batches import chunks, in_batch
from reftrail.codes.service.issuing import draft_of
from reftrail.codes.service.one_per_user import Scopes, held
from reftrail.codes.store.reading import find_codes, skeletons_taken
from reftrail.codes.store.writing import ConcurrentUpdate, UnitOfWork
from reftrail.codes.validation import check_code, check_terms
from reftrail.contracts.code_spelling import canonical, spelled
from reftrail.contracts.reference import CodeAct

Transact: TypeAlias = Callable[[By, Callable[[UnitOfWork], Imported]], Imported]

Outcome = Code | str | None
"""Outcome for a given code: the new code; the reason of a clash; None: it is stored as given."""


def take_over(
    work: UnitOfWork,
    origin: Origin,
    given: Sequence[GivenCode],
    formats: Sequence[Format],
    judging: Formats,
) -> list[Outcome]:
    """Import codes; an outcome for each. Raises `ConcurrentUpdate`."""
    outcomes: list[Outcome] = [None] * len(given)
    existing = find_codes(work.connection, {code.code for code in given})
    drafts: dict[str, Code] = {}
    holdings = _Holdings(work, given, formats)
    for place, code in enumerate(given):
        draft = draft_of(code.code, code.terms, origin, code.created_at or work.at)
        form = canonical(code.code)
        known = existing.get(code.code) or drafts.get(form)
        if known is not None and known.code != code.code:
            outcomes[place] = f"is the code {known.code}; case doesn't distinguish codes"
        elif known is not None:
            agree = _agrees(draft, known, has_time=code.created_at is not None)
            outcomes[place] = None if agree else "exists already, otherwise than given"
        elif why := _looks_derived(code, judging) or holdings.why_not(code):
            outcomes[place] = why
        else:
            outcomes[place] = drafts[form] = draft
    act = CodeAct.IMPORTED if origin == Origin.IMPORTED else CodeAct.ISSUED
    inserted = work.insert(act, list(drafts.values()), _free_skeletons(work, drafts.values()))
    if len(inserted) < len(drafts):
        raise ConcurrentUpdate
    work.note_holdings(holdings.new)
    return [
        inserted[outcome.code] if isinstance(outcome, Code) else outcome for outcome in outcomes
    ]


def counted(before: Imported, given: Sequence[GivenCode], outcomes: Sequence[Outcome]) -> Imported:
    """Add the outcomes of these codes to those before them."""
    place = before.added + before.unchanged + len(before.clashes)
    clashes = [
        Clash(number, code.code, why)
        for number, (code, why) in enumerate(zip(given, outcomes, strict=True), place + 1)
        if isinstance(why, str)
    ]
    unchanged = sum(outcome is None for outcome in outcomes)
    return replace(
        before,
        added=before.added + len(given) - unchanged - len(clashes),
        unchanged=before.unchanged + unchanged,
        clashes=(*before.clashes, *clashes),
    )


class _Holdings:
    """Codes held by users where the policy allows one only, with those given so far."""

    def __init__(
        self, work: UnitOfWork, given: Sequence[GivenCode], formats: Sequence[Format]
    ) -> None:
        self._scopes = Scopes(formats)
        keys = {self._key(code) for code in given}
        self._held = held(work, {key for key in keys if key is not None})
        self.new: list[tuple[str, str, str]] = []

    def why_not(self, code: GivenCode) -> str | None:
        """The reason against its owner's having this code; None: now the owner has it."""
        key = self._key(code)
        if key is None:
            return None
        holding = self._held.setdefault(key, code.code)
        if holding != code.code:
            return f"is not the one code of {code.terms.owner_user_id}, which is {holding}"
        self.new.append((*key, code.code))
        return None

    def _key(self, code: GivenCode) -> tuple[str, str] | None:
        return self._scopes.key(code.terms.campaign_id, code.terms.owner_user_id)


def _looks_derived(code: GivenCode, judging: Formats) -> str | None:
    """The reason against a code beside derived ones: one of those may become the same."""
    match judging.verify(code.code):
        case Valid(_, _, campaign_id) if campaign_id == code.terms.campaign_id:
            return None
        case UnknownFormat() | WellFormed() | Retired():
            return None
        case verdict:
            name = getattr(verdict, "format", None)
            return f"is written like the derived codes of {name}" if name else None


def _free_skeletons(work: UnitOfWork, drafts: Iterable[Code]) -> dict[str, str]:
    """Skeletons that keep people from choosing codes like these; of those alike only the first.

    Given codes may look alike, they are there already.
    """
    by_skeleton: dict[str, str] = {}
    for draft in drafts:
        by_skeleton.setdefault(skeleton(draft.code), draft.code)
    taken = skeletons_taken(work.connection, by_skeleton)
    return {code: looks for looks, code in by_skeleton.items() if looks not in taken}


def _agrees(draft: Code, found: Code, *, has_time: bool) -> bool:
    """Whether a code is stored as given; what can be changed since, and notes, don't count.

    An owner's signal under a hash key of which nothing is stored can't be compared: it may have
    been renewed since.
    """
    passed_over = {"event_id", "event_time", "received_at", "revision", "status", "notes", "origin"}
    if not has_time:
        passed_over.add("created_at")
    stored = found.changed.owner_hashes()
    for name, given in draft.changed.owner_hashes().items():
        held = dict(stored.get(name, ()))
        if held and all(held.get(key_id, digits) == digits for key_id, digits in given):
            passed_over.add(name)
    taken: dict[str, Any] = {name: getattr(found.changed, name) for name in passed_over}
    same = msgspec.structs.replace(draft.changed, **taken) == found.changed
    return same and replace(draft, changed=found.changed).channel_limits == found.channel_limits


class _Clashing(Exception):  # noqa: N818  (undoes a transaction)
    """Some of the codes that were to be taken over together can't be."""

    def __init__(self, done: Imported) -> None:
        super().__init__()
        self.done = done


class Importing:
    """Imports in the transactions of a service: all codes or none, or all that don't clash."""

    def __init__(self, transact: Transact, judging: Callable[[Sequence[Format]], Formats]) -> None:
        self._transact = transact
        self._judging = judging

    def all_or_none(self, origin: Origin, codes: Iterable[GivenCode], by: By) -> Imported:
        """Import all in one transaction, or none if one clashes: added and unchanged are 0 then."""
        batch = in_batch(by)

        def do(work: UnitOfWork) -> Imported:
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
        """Import all codes but those that clash, some thousands to a transaction."""
        batch = in_batch(by)
        done = Imported(0, 0, (), str(batch.batch_id))
        for chunk in chunks(codes):
            taking = partial(self._take_over, origin=origin, given=chunk, before=done)
            done = self._transact(batch, taking)
        return done

    def _take_over(
        self,
        work: UnitOfWork,
        *,
        origin: Origin,
        given: Sequence[GivenCode],
        before: Imported,
    ) -> Imported:
        for code in given:
            check_code(code.code)
            check_terms(code.terms)
        codes = [replace(code, code=spelled(code.code)) for code in given]
        formats = work.formats()
        outcomes = take_over(work, origin, codes, formats, self._judging(formats))
        return counted(before, codes, outcomes)

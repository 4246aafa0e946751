"""Service of codes: every act on a code, on one store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from reftrail.codes.formats import Formats
from reftrail.codes.formats.definitions import formats_of
from reftrail.codes.formats.derived import WORST_ODDS, DerivedCodes
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.model import (
    ActRefused,
    By,
    Changes,
    Code,
    DerivedRange,
    Filter,
    Format,
    FormatTerms,
    GivenCode,
    Imported,
    Origin,
    Page,
    Reissued,
    Signup,
    Terms,
    Verification,
    Why,
)
from reftrail.codes.service import batches, format_admin, lifecycle
from reftrail.codes.service.batches import chunks, in_batch
from reftrail.codes.service.capacity import Capacity
from reftrail.codes.service.format_admin import named
from reftrail.codes.service.imports import Importing
from reftrail.codes.service.issuing import Issuing, issue, issue_chosen, signup_terms
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.codes.service.transactions import Transactions
from reftrail.codes.service.verification import VerificationContext, candidates, judge
from reftrail.codes.store import Store, reading
from reftrail.codes.store.writing import UnitOfWork
from reftrail.codes.validation import check_terms
from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeAct, CodeActed, FormatKind, FormatStatus
from reftrail.contracts.times import now

T = TypeVar("T")

_WORTH_A_COUNT: Final = 100


class CodeService:
    """Issues codes and does everything that can be done to them.

    May be used from several threads. Every act is one database transaction that writes the code,
    its audit line and what goes to Kafka. All raise `ActRefused`, with nothing changed, where the
    docstring says what speaks against it; and `ExpectedError` if the database doesn't answer.
    """

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
        self._transactions = Transactions(store, clock)
        self._secret = secret
        self._clock = clock
        self._capacity = Capacity(self.metrics)
        self._known: tuple[object, Formats] = ((), Formats())
        self._importing = Importing(self._transact, self._judging)

    # -- issuing -------------------------------------------------------------------------------
    def issue(self, terms: Terms, by: By, *, format_name: str | None = None, **values: str) -> Code:
        """A new code: random, or structured if the pattern has other segments (values by name).

        format_name None: the campaign's own registered format, else REF and nine symbols. A segment
        `sequence` that isn't given is counted on. If the campaign's policy grants a user one code
        and the owner has it, that is what is returned. ActRefused: INVALID, NOT_FOUND, EXHAUSTED.
        """
        return self._issue([terms], by, format_name, values)[0]

    def issue_each(
        self, terms: Iterable[Terms], by: By, *, format_name: str | None = None, **values: str
    ) -> Iterator[list[Code]]:
        """A new code for each of the terms, in their order, some thousands to a transaction.

        Lists are yielded when they are committed, so what was yielded stays. For N codes alike:
        `itertools.repeat(terms, n)`.
        """
        batch = in_batch(by)
        for chunk in chunks(terms):
            yield self._issue(chunk, batch, format_name, values)

    def issue_at_signup(self, users: Sequence[Signup], by: By) -> list[Code]:
        """A code for each user in each campaign with a format that is on_signup, once.

        Users who have one keep it, so this may be repeated. In no particular order.
        """
        if not users:
            return []

        def do(work: UnitOfWork) -> list[Code]:
            given = Issuing(self._secret, self.metrics, signup=True)
            return [
                code
                for one in work.formats()
                if one.on_signup and one.defined.status == FormatStatus.ACTIVE
                for code in issue(work, signup_terms(users, one), one.defined.name, {}, given)
            ]

        return self._transact(by, do)

    def issue_chosen(self, wanted: str, terms: Terms, by: By) -> Code:
        """A code that a person chose. ActRefused: INVALID (with a suggestion), CLASH."""
        check_terms(terms)
        return self._transact(by, lambda work: issue_chosen(work, wanted, terms, work.formats()))

    def issue_derived(
        self, format_name: str, count: int, by: By, *, worst_odds: float = WORST_ODDS
    ) -> DerivedRange:
        """So many more codes of a derived format; compute them with `derived_codes`.

        worst_odds is the greatest probability that one guess is right which is put up with.
        ActRefused: NOT_FOUND, EXHAUSTED (it would be greater), NO_SECRET.
        """
        issued, after = self._transact(
            in_batch(by),
            lambda work: format_admin.issue_derived(
                work, format_name, count, self._secret, worst_odds
            ),
        )
        self.metrics.issued.labels(Origin.DERIVED).inc(count)
        self._capacity.note(after, 0)
        return issued

    def derived_codes(self, format_name: str) -> DerivedCodes:
        """A format's derived codes, issued by now. Raises `ActRefused`: NOT_FOUND, NO_SECRET."""
        return format_admin.derived_codes(named(self.formats(), format_name), self._secret)

    def register(self, codes: Iterable[GivenCode], by: By) -> Imported:
        """Take over given codes, all or, if one of them clashes, none (ActRefused: CLASH)."""
        done = self._importing.all_or_none(Origin.GIVEN, list(codes), by)
        if done.clashes:
            first = done.clashes[0]
            raise ActRefused(
                Why.CLASH,
                f"code {first.code} {first.why} ({len(done.clashes)} such in all); see: "
                f"reftrail codes show {first.code}",
            )
        return done

    def import_codes(
        self, codes: Iterable[GivenCode], by: By, *, skip_clashes: bool = True
    ) -> Imported:
        """Take over given codes, and report those that clash.

        skip_clashes: the others are taken over, some thousands to a transaction. Else all are, in
        one transaction, or none: added and unchanged are 0 then. That may begin again, and iterate
        codes again, if another transaction was first.
        """
        if skip_clashes:
            return self._importing.without_clashes(Origin.IMPORTED, codes, by)
        return self._importing.all_or_none(Origin.IMPORTED, codes, by)

    # -- acts on one code ----------------------------------------------------------------------
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
            lambda work: lifecycle.reissue(
                work,
                self._locked(work, code),
                work.formats(),
                format_name,
                Issuing(self._secret, self.metrics),
            ),
        )

    # -- acts on many --------------------------------------------------------------------------
    def act_on_all(self, act: CodeAct, which: Filter, by: By) -> Iterator[list[Code]]:
        """suspended, reactivated, revoked or expired, for all codes of a prefix or campaign.

        Codes for which it changes nothing or isn't allowed are passed over. Some thousands to a
        transaction, all under one batch_id; lists hold the codes that were changed. Derived codes
        without a row have nothing to be changed: retire their format.
        """
        lifecycle.check_bulk(act, which)
        return self._act_on_all(act, which, in_batch(by))

    # -- asking --------------------------------------------------------------------------------
    def find(self, code: str) -> Code | None:
        """A code in any case of its letters, None if it isn't registered."""
        with self._transactions.reading() as connection:
            return reading.find_codes(connection, [code]).get(code)

    def page(self, which: Filter, *, cursor: str | None = None, limit: int = 100) -> Page:
        """A page of codes; limit up to 1,000. ActRefused: INVALID (not a cursor of this filter)."""
        with self._transactions.reading() as connection:
            return reading.page_of(connection, which, cursor, limit)

    def audit(self, code: str) -> list[CodeActed]:
        """The acts on a code, from the beginning."""
        with self._transactions.reading() as connection:
            registered = reading.find_codes(connection, [code]).get(code)
            spelling = spelled(code) if registered is None else registered.code
            return reading.audit_of(connection, spelling)

    def verify(  # noqa: PLR0913  (each is a question of its own)
        self,
        text: str,
        *,
        channel: str | None = None,
        region: str | None = None,
        uses: int | None = None,
        distributing: bool = False,
        at: Millis | None = None,
    ) -> Verification:
        """Verify a text as typed by a person, in a channel and region, at a time (None: now).

        used_up needs the number of uses, which the reports know; with distributing, it is also the
        answer for a code that may not be handed out any more.
        """
        moment = VerificationContext(
            at=self._clock() if at is None else at,
            channel=channel,
            region=region,
            uses=uses,
            distributing=distributing,
        )
        text = spelled(text)
        with self._transactions.reading() as connection:
            verdict = self._judging(reading.all_formats(connection)).verify(text)
            tried = candidates(text, verdict)
            return judge(verdict, tried, reading.find_codes(connection, tried), moment)

    # -- formats -------------------------------------------------------------------------------
    def define_format(self, terms: FormatTerms, by: By) -> Format:
        """Define a format, or give one another category, channel or policy.

        ActRefused: INVALID; CLASH, if another kind, campaign or pattern is given than it has.
        """
        return self._transact(by, lambda work: format_admin.define(work, terms, self._secret))

    def retire_format(self, name: str, by: By) -> Format:
        """End a format: none is issued any more, and derived codes without a row count no longer.

        ActRefused: NOT_FOUND.
        """
        return self._transact(by, lambda work: format_admin.retire(work, name))

    def formats(self) -> list[Format]:
        """All formats, retired ones too, with the number of codes of each."""
        with self._transactions.reading() as connection:
            used = reading.used_by_format(connection)
            return [_counted(one, used) for one in reading.all_formats(connection)]

    def note_capacity(self) -> None:
        """Bring the metrics of capacity up to date, and warn of formats that are nearly full."""
        for one in self.formats():
            if one.defined.status == FormatStatus.ACTIVE:
                self._capacity.note(one, one.used)

    # -- within --------------------------------------------------------------------------------
    def _transact(self, by: By, do: Callable[[UnitOfWork], T]) -> T:
        """Do it in one transaction, and count what was issued once that is committed."""
        work, result = self._transactions.run(by, do)
        for (origin, format_name), count in work.issued.items():
            self.metrics.issued.labels(origin or "unknown").inc(count)
            if count >= _WORTH_A_COUNT and format_name is not None:
                self._note_capacity_of(format_name)
        return result

    def _issue(
        self,
        terms: Sequence[Terms],
        by: By,
        format_name: str | None,
        values: Mapping[str, str],
    ) -> list[Code]:
        for one in terms:
            check_terms(one)
        given = Issuing(self._secret, self.metrics)
        return self._transact(by, lambda work: issue(work, terms, format_name, values, given))

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

    def _judging(self, formats: Sequence[Format]) -> Formats:
        """The formats as they judge texts, made anew only when one has changed."""
        version = tuple((one.defined.name, one.defined.revision) for one in formats)
        if self._known[0] != version:
            judging = formats_of((one.defined for one in formats), self._secret)
            self._known = (version, judging)
            return judging
        return self._known[1]

    def _note_capacity_of(self, format_name: str) -> None:
        with self._transactions.reading() as connection:
            used = reading.used_of(connection, format_name)
            one = named(reading.all_formats(connection), format_name)
        self._capacity.note(one, used)


def _counted(one: Format, used: dict[str, int]) -> Format:
    if one.defined.kind == FormatKind.DERIVED:
        return replace(one, used=one.defined.count)
    return replace(one, used=used.get(one.defined.name, 0))

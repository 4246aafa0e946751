"""Service of codes: every act on a code, on one store. Those on codes that exist are in `acts`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reftrail.codes.formats.derived import WORST_ODDS, DerivedCodes
from reftrail.codes.model import (
    ActRefused,
    By,
    Code,
    DerivedRange,
    Format,
    FormatTerms,
    GivenCode,
    Imported,
    Origin,
    Signup,
    Terms,
    Why,
)
from reftrail.codes.service import format_admin
from reftrail.codes.service.acts import CodeActs
from reftrail.codes.service.batches import chunks, in_batch
from reftrail.codes.service.format_admin import named
from reftrail.codes.service.issuing import Issuing, issue, issue_at_signup, issue_chosen
from reftrail.codes.validation import check_terms
from reftrail.contracts.reference import FormatStatus


class CodeService(CodeActs):
    """Issues codes and does everything that can be done to them.

    May be used from several threads. Every act is one database transaction that writes the code,
    its audit line and what goes to Kafka. All raise `ActRefused`, with nothing changed, where the
    docstring says what speaks against it; and `ExpectedError` if the database doesn't answer.
    """

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
        given = Issuing(self._secret, self.metrics, signup=True)
        return self._transact(by, lambda work: issue_at_signup(work, users, given))

    def issue_chosen(self, wanted: str, terms: Terms, by: By) -> Code:
        """A code that a person chose. ActRefused: INVALID (with a suggestion), CLASH."""
        check_terms(terms)
        return self._transact(by, lambda work: issue_chosen(work, wanted, terms, work.formats()))

    def issue_derived(
        self, format_name: str, count: int, by: By, *, worst_odds: float = WORST_ODDS
    ) -> DerivedRange:
        """Issue more codes of a derived format; compute them with `derived_codes`.

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

    def note_capacity(self) -> None:
        """Bring the metrics of capacity up to date, and warn of formats that are nearly full."""
        for format_ in self.formats():
            if format_.defined.status == FormatStatus.ACTIVE:
                self._capacity.note(format_, format_.used)

    # -- within --------------------------------------------------------------------------------
    def _issue(
        self,
        terms: Sequence[Terms],
        by: By,
        format_name: str | None,
        values: Mapping[str, str],
    ) -> list[Code]:
        for code_terms in terms:
            check_terms(code_terms)
        given = Issuing(self._secret, self.metrics)
        return self._transact(by, lambda work: issue(work, terms, format_name, values, given))

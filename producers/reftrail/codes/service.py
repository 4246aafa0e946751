"""The service of codes: every act on a code, on one store, and who may ask what."""

import time
from collections.abc import Callable, Iterable, Iterator

from reftrail.codes.metrics import CodeMetrics
from reftrail.codes.secrets import MasterSecret
from reftrail.codes.store import Store
from reftrail.codes.terms import (
    By,
    Changes,
    Code,
    DerivedRange,
    Filter,
    Format,
    FormatTerms,
    GivenCode,
    Imported,
    Page,
    Reissued,
    Terms,
    Verification,
)
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeAct, CodeActed


def now() -> Millis:
    """The system's clock."""
    return time.time_ns() // 1_000_000


class CodeService:
    """Issues codes and does everything that can be done to them.

    May be used from several threads. Every act is one database transaction that writes the code, its
    audit line and what goes to Kafka. All raise `Refused`, with nothing changed, where the docstring
    says what speaks against it; and `ExpectedError` if the database doesn't answer.
    """

    def __init__(
        self,
        store: Store,
        *,
        secret: MasterSecret | None = None,
        clock: Callable[[], Millis] = now,
        metrics: CodeMetrics | None = None,
    ) -> None:
        """secret is needed for what concerns derived codes; clock is asked where `By` has no time."""

    # -- issuing -------------------------------------------------------------------------------
    def issue(self, terms: Terms, by: By, *, format_name: str | None = None, **values: str) -> Code:
        """A new code: random, or structured if the pattern has other segments (values by name).

        format_name None: the campaign's own registered format, else REF and nine symbols. A segment
        `sequence` that isn't given is counted on. If the campaign's policy grants a user one code
        and the owner has it, that is what is returned. Refused: INVALID, NOT_FOUND, EXHAUSTED.
        """

    def issue_each(
        self, terms: Iterable[Terms], by: By, *, format_name: str | None = None, **values: str
    ) -> Iterator[list[Code]]:
        """A new code for each of the terms, in their order, some thousands to a transaction.

        Lists are yielded when they are committed, so what was yielded stays. For N codes alike:
        `itertools.repeat(terms, n)`.
        """

    def issue_chosen(self, wanted: str, terms: Terms, by: By) -> Code:
        """A code that a person chose. Refused: INVALID (with a suggestion), CLASH."""

    def issue_derived(self, format_name: str, count: int, by: By) -> DerivedRange:
        """So many more codes of a derived format; compute them with `DerivedCodes.batches`.

        Refused: NOT_FOUND, EXHAUSTED (a guess would be right too often), NO_SECRET.
        """

    def register(self, codes: Iterable[GivenCode], by: By) -> Imported:
        """Take over given codes, all or, if one of them clashes, none (Refused: CLASH)."""

    def import_codes(self, codes: Iterable[GivenCode], by: By) -> Imported:
        """Take over given codes, some thousands to a transaction, and report those that clash."""

    # -- acts on one code ----------------------------------------------------------------------
    def bind(
        self,
        code: str,
        by: By,
        *,
        owner_user_id: str | None = None,
        record: tuple[str, str] | None = None,
    ) -> Code:
        """Give a code its owner, or the record (kind, id) it stands for; what it has stays.

        Also for a derived code that nobody has touched yet. Refused: NOT_FOUND, CLASH (it has
        another), STATUS.
        """

    def change(self, code: str, by: By, changes: Changes) -> Code:
        """Change what may be changed. Refused: NOT_FOUND, INVALID, STATUS (revoked)."""

    def distribute(self, code: str, by: By, *, channel: str | None = None, count: int = 1) -> Code:
        """Count that a code was handed out. Refused: NOT_FOUND, LIMIT, STATUS."""

    def suspend(self, code: str, by: By) -> Code:
        """Stop an active code until it is reactivated. Refused: NOT_FOUND, STATUS."""

    def reactivate(self, code: str, by: By) -> Code:
        """Make a suspended code active, or an expired one whose expires_at was moved."""

    def revoke(self, code: str, by: By) -> Code:
        """End a code for good; once revoked, nothing changes. Refused: NOT_FOUND."""

    def expire(self, code: str, by: By) -> Code:
        """Note that a code's time is over. Refused: NOT_FOUND, STATUS."""

    def reissue(self, code: str, by: By, *, format_name: str | None = None) -> Reissued:
        """Replace a code: a new one on the same terms, and the old one revoked.

        Give callers who may not know the record `reissued.new.without_record()`.
        """

    # -- acts on many --------------------------------------------------------------------------
    def act_on_all(self, act: CodeAct, which: Filter, by: By) -> Iterator[list[Code]]:
        """suspended, reactivated, revoked or expired, for all codes of a prefix or campaign.

        Codes for which it changes nothing or isn't allowed are passed over. Some thousands to a
        transaction, all under one batch_id; lists hold the codes that were changed. Derived codes
        without a row have nothing to be changed: retire their format.
        """

    # -- asking --------------------------------------------------------------------------------
    def find(self, code: str) -> Code | None:
        """A code of exactly this spelling, None if it isn't registered."""

    def page(self, which: Filter, *, cursor: str | None = None, limit: int = 100) -> Page:
        """A page of codes; limit up to 1,000. Refused: INVALID (not a cursor of this filter)."""

    def audit(self, code: str) -> list[CodeActed]:
        """What was done to a code, from the beginning."""

    def verify(
        self,
        text: str,
        *,
        channel: str | None = None,
        region: str | None = None,
        uses: int | None = None,
        distributing: bool = False,
        at: Millis | None = None,
    ) -> Verification:
        """What a text is, as typed by a person, in a channel and region, at a time (None: now).

        used_up needs the number of uses, which the reports know; with distributing, it is also the
        answer for a code that may not be handed out any more.
        """

    # -- formats -------------------------------------------------------------------------------
    def define_format(self, terms: FormatTerms, by: By) -> Format:
        """Define a format, or define it anew: then kind and campaign must stay, and codes be read."""

    def retire_format(self, name: str, by: By) -> Format:
        """End a format: none is issued any more, and derived codes without a row count no longer."""

    def formats(self) -> list[Format]:
        """All formats, retired ones too."""

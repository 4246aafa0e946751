"""Questions about codes: what is registered, what has happened, whether a text is a code."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from reftrail.codes.answers import Verification
from reftrail.codes.formats import Formats
from reftrail.codes.formats.definitions import formats_of
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.model import Code, Filter, Format, Page
from reftrail.codes.service.transactions import Transactions
from reftrail.codes.service.verification import VerificationContext, candidates, judge
from reftrail.codes.store import reading
from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeActed, FormatKind


class CodeQueries:
    """Answers questions about codes from one store, and changes nothing.

    May be used from several threads. Raises `ExpectedError` if the database doesn't answer.
    """

    def __init__(
        self, transactions: Transactions, secret: MasterSecret | None, clock: Callable[[], Millis]
    ) -> None:
        self._transactions = transactions
        self._secret = secret
        self._clock = clock
        self._known: tuple[object, Formats] = ((), Formats())

    def find(self, code: str) -> Code | None:
        """A code in any case of its letters, None if it isn't registered."""
        with self._transactions.reading() as connection:
            return reading.find_codes(connection, [code]).get(code)

    def page(self, which: Filter, *, cursor: str | None = None, limit: int = 100) -> Page:
        """A page of codes; limit up to 1,000. ActRefused: INVALID (not a cursor of this filter)."""
        with self._transactions.reading() as connection:
            return reading.page_of(connection, which, cursor, limit)

    def hashed_otherwise(self, known: Collection[str]) -> list[Code]:
        """Codes whose owners' signals are, in part at least, under none of these hash keys."""
        with self._transactions.reading() as connection:
            return reading.codes_hashed_otherwise(connection, known)

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

    def formats(self) -> list[Format]:
        """All formats, retired ones too, with the number of codes of each."""
        with self._transactions.reading() as connection:
            used = reading.used_by_format(connection)
            return [_counted(format_, used) for format_ in reading.all_formats(connection)]

    def _judging(self, formats: Sequence[Format]) -> Formats:
        """The formats as they judge texts, made anew only when one has changed."""
        version = tuple((format_.defined.name, format_.defined.revision) for format_ in formats)
        if self._known[0] != version:
            judging = formats_of((format_.defined for format_ in formats), self._secret)
            self._known = (version, judging)
            return judging
        return self._known[1]


def _counted(format_: Format, used: dict[str, int]) -> Format:
    if format_.defined.kind == FormatKind.DERIVED:
        return replace(format_, used=format_.defined.count)
    return replace(format_, used=used.get(format_.defined.name, 0))

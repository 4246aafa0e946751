"""Providers' reports about payments, from CSV files with the columns and words that they use."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import MOST_PLACES
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.record import MICROS_PER_UNIT, Micros
from reftrail.payouts.reconciliation import ProviderLine

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": (
        *("reference", "statement_id", "customer id", "unique id", "sender_item_id"),
        *("paymentreference", "payment reference", "end_to_end_id", "external_id"),
    ),
    "status": ("status", "transaction status", "payment status", "state"),
    "amount": ("amount", "gross amount", "target amount", "targetamount"),
    "currency": ("currency", "currency_code", "targetcurrency", "target currency"),
    "provider_reference": (
        *("provider_reference", "transaction id", "transfer id", "id", "order id"),
    ),
    "detail": ("detail", "reason", "error", "error message", "failure reason"),
}
"""Names of columns, of which the first one that a file has is used."""

_WORDS: Final[Mapping[StatementStatus, tuple[str, ...]]] = {
    StatementStatus.PAID: (
        *("paid", "success", "succeeded", "completed", "complete", "delivered", "executed"),
        *("sent", "outgoing_payment_sent", "booked", "accc"),
    ),
    StatementStatus.FAILED: (
        *("failed", "failure", "denied", "rejected", "refused", "blocked", "cancelled"),
        *("canceled", "error", "rjct"),
    ),
    StatementStatus.RETURNED: (
        *("returned", "refunded", "reversed", "bounced", "bounced_back", "funds_refunded"),
    ),
}
_BY_WORD: Final = {word: status for status, words in _WORDS.items() for word in words}
_UNDER_WAY: Final = frozenset(
    {"pending", "unclaimed", "processing", "onhold", "on hold", "created", "incoming", "queued"}
    | {"incoming_payment_waiting", "funds_converted", "acsp", "pdng"}
)
_AMOUNT: Final = re.compile(rf"-?(\d{{1,12}})(?:[.,](\d{{1,{MOST_PLACES}}}))?", re.ASCII)


def read_report(path: Path) -> list[ProviderLine]:
    """The lines of a report. Raises `ExpectedError` for what can't be read."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"{path} can't be read as UTF-8 text: {error}") from error
    rows = csv.DictReader(text.splitlines())
    columns = _columns(rows.fieldnames or ())
    for needed in ("reference", "status"):
        if needed not in columns:
            raise ExpectedError(
                f"{path} has no column for the {needed}; its first line needs one of "
                f"{', '.join(_COLUMNS[needed])}"
            )
    return list(_lines(path, rows, columns))


def provider_line(  # noqa: PLR0913 - the fields of a line
    reference: str,
    status: str,
    *,
    amount: str = "",
    currency: str = "",
    provider_reference: str = "",
    detail: str = "",
) -> ProviderLine:
    """A line from the words of a report; what is empty isn't there. Raises ValueError."""
    word = status.strip().lower()
    return ProviderLine(
        reference=reference.strip().removeprefix("'"),
        status=_BY_WORD.get(word),
        status_text=status.strip(),
        amount_micros=_micros(amount.strip()) if amount.strip() else None,
        currency=currency.strip().upper() or None,
        provider_reference=provider_reference.strip() or None,
        detail=detail.strip() or None,
        is_known_status=word in _BY_WORD or word in _UNDER_WAY,
    )


def _lines(
    path: Path, rows: Iterable[Mapping[str, str]], columns: Mapping[str, str]
) -> Iterator[ProviderLine]:
    for number, row in enumerate(rows, start=2):
        fields = {name: row.get(column) or "" for name, column in columns.items()}
        if not any(fields.values()):
            continue
        try:
            yield provider_line(**fields)
        except ValueError as error:
            raise ExpectedError(f"{path} line {number}: {error}") from error


def _columns(found: Iterable[str]) -> dict[str, str]:
    """The file's column of each field that it has."""
    by_name = {name.strip().lower(): name for name in found}
    return {
        field: by_name[name]
        for field, names in _COLUMNS.items()
        if (name := next((name for name in names if name in by_name), None)) is not None
    }


def _micros(text: str) -> Micros:
    """An amount without its sign, which some providers give because money goes out."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is no amount; expected one such as 25.00')
    whole, decimals = match.groups()
    return int(whole) * MICROS_PER_UNIT + int((decimals or "").ljust(MOST_PLACES, "0"))

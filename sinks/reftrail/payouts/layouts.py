"""CSV files as providers of payments take them, one for each currency.

PayPal: https://developer.paypal.com/docs/payouts/integrate/ui-integration/ (no header, at most
5,000 rows, a Customer ID of at most 30 characters). Wise:
https://wise.com/help/articles/2663302/how-do-i-fill-in-my-batch-template (at most 1,000 rows). The
columns for banks have the names of ISO 20022's pain.001, those for Tremendous the names of its API
(https://developers.tremendous.com/docs/emailing-rewards).
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import amount_text, is_currency
from reftrail.payouts.payees import Payee
from reftrail.payouts.statements import Statement
from reftrail.reports.formula_safety import formula_safe


@dataclass(frozen=True, slots=True)
class Payment:
    """One row: what is paid to whom, under which reference."""

    reference: str
    amount: str
    currency: str
    payee: Payee
    note: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A provider's file. needs are the payee's details that it can't do without.

    header None: the file has none. most is how many rows the provider takes at most.
    """

    name: str
    title: str
    header: tuple[str, ...] | None
    row: Callable[[Payment], tuple[str, ...]]
    needs: tuple[str, ...]
    most: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A statement that can't be exported, and why."""

    statement: Statement
    why: str


def _paypal(payment: Payment) -> tuple[str, ...]:
    recipient = payment.payee.paypal or payment.payee.email
    return recipient, payment.amount, payment.currency, payment.reference, payment.note, "PAYPAL"


def _wise(payment: Payment) -> tuple[str, ...]:
    payee = payment.payee
    kind = "INSTITUTION" if payee.type == "business" else "PERSON"
    money = ("target", payment.amount, payment.currency, payment.currency)
    return payee.name, payee.email, payment.reference, kind, *money, payee.iban


def _wise_email(payment: Payment) -> tuple[str, ...]:
    payee = payment.payee
    kind = "INSTITUTION" if payee.type == "business" else "PERSON"
    money = ("target", payment.amount, payment.currency, payment.currency)
    return payee.name, payee.email, payment.reference, kind, *money


def _bank(payment: Payment) -> tuple[str, ...]:
    payee = payment.payee
    money = (payment.amount, payment.currency)
    return payee.name, payee.iban, payee.bic, *money, payment.reference, payment.note


def _tremendous(payment: Payment) -> tuple[str, ...]:
    payee = payment.payee
    return payee.name, payee.email, payment.amount, payment.currency, payment.reference


_WISE_COLUMNS: Final = (
    *("name", "recipientEmail", "paymentReference", "receiverType"),
    *("amountCurrency", "amount", "sourceCurrency", "targetCurrency"),
)
_BANK_COLUMNS: Final = (
    *("creditor_name", "creditor_iban", "creditor_bic", "amount", "currency"),
    *("end_to_end_id", "remittance_information"),
)
_TREMENDOUS_COLUMNS: Final = ("name", "email", "amount", "currency_code", "external_id")

LAYOUTS: Final = {
    layout.name: layout
    for layout in (
        Layout("paypal", "PayPal Payouts", None, _paypal, ("paypal or email",), most=5_000),
        Layout("wise", "Wise, to bank accounts", (*_WISE_COLUMNS, "IBAN"), _wise,
               ("name", "iban"), most=1_000),
        Layout("wise-email", "Wise, by e-mail", _WISE_COLUMNS, _wise_email,
               ("name", "email"), most=1_000),
        Layout("sepa", "A bank, within SEPA", _BANK_COLUMNS, _bank, ("name", "iban"),
               currency="EUR"),
        Layout("bank", "A bank, in any currency", _BANK_COLUMNS, _bank, ("name", "iban")),
        Layout("tremendous", "Tremendous", _TREMENDOUS_COLUMNS, _tremendous, ("name", "email")),
    )
}  # fmt: skip


def payable(
    layout: Layout, statements: Iterable[Statement], payees: Mapping[str, Payee]
) -> tuple[list[Statement], list[Missing]]:
    """The statements whose payee has what the layout needs, and those that lack something."""
    found: list[Statement] = []
    missing: list[Missing] = []
    for statement in statements:
        why = _lacks(layout, payees.get(statement.prepared.beneficiary))
        if why is None:
            found.append(statement)
        else:
            missing.append(Missing(statement, why))
    return found, missing


def file_text(
    layout: Layout, statements: Sequence[Statement], payees: Mapping[str, Payee], note: str
) -> str:
    """The file's text. Raises `ExpectedError` where the layout can't have these statements.

    Lines end as RFC 4180 says. What a spreadsheet would take for a formula begins with an
    apostrophe; amounts are never negative, and references are letters and digits.
    """
    currencies = sorted({statement.prepared.currency for statement in statements})
    if len(currencies) > 1:
        raise ExpectedError(
            f"a file has one currency, and these are in {', '.join(currencies)}; give --currency"
        )
    for currency in currencies:
        if layout.currency not in (None, currency) or not is_currency(currency):
            raise ExpectedError(
                f"{layout.title} takes {layout.currency or 'money'}, not {currency}"
            )
    if layout.most is not None and len(statements) > layout.most:
        raise ExpectedError(
            f"{layout.title} takes {layout.most} rows a file, and these are {len(statements)}; "
            f"give --limit {layout.most}, and export the others after that"
        )
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    if layout.header is not None:
        writer.writerow(layout.header)
    for statement in sorted(statements, key=lambda paid: paid.prepared.beneficiary):
        payment = _payment(statement, payees[statement.prepared.beneficiary], note)
        writer.writerow([formula_safe(cell) for cell in layout.row(payment)])
    return out.getvalue()


def _payment(statement: Statement, payee: Payee, note: str) -> Payment:
    given = statement.prepared
    amount = amount_text(given.total_micros, given.currency)
    return Payment(statement.reference, amount, given.currency, payee, note)


def _lacks(layout: Layout, payee: Payee | None) -> str | None:
    if payee is None:
        return "the payees' file doesn't have the beneficiary"
    for need in layout.needs:
        if not any(getattr(payee, name) for name in need.split(" or ")):
            return f"{layout.title} needs {need}"
    return next(payee.faults(), None)

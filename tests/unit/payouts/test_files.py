"""Files that come in and go out: terms, payees, providers' files and reports."""

import csv
from pathlib import Path

import pytest
from support.programme import T0

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.payouts import CountedFrom, StatementPrepared, StatementStatus
from reftrail.contracts.record import DAY
from reftrail.contracts.times import rfc3339
from reftrail.payouts import (
    LAYOUTS,
    Payee,
    Statement,
    parse_period,
    read_payees,
    read_report,
    read_terms,
)
from reftrail.payouts.layouts import file_text, payable
from reftrail.payouts.payees import is_iban
from reftrail.payouts.statements import reference_of, statement_id
from reftrail.reports.formula_safety import formula_safe

UNIT = 1_000_000
GOOD = Payee(
    name="Amy Ace", email="amy@example.com", iban="DE89370400440532013000", bic="COBADEFFXXX"
)
EXAMPLES = Path(__file__).parents[3] / "examples" / "payouts"


def due(beneficiary: str, micros: int, currency: str = "EUR") -> Statement:
    its_id = statement_id(beneficiary, currency, T0, T0 + DAY)
    return Statement(
        StatementPrepared(
            event_id="e",
            event_time=T0,
            received_at=T0,
            statement_id=its_id,
            revision=1,
            beneficiary=beneficiary,
            currency=currency,
            period_from=T0,
            period_until=T0 + DAY,
            total_micros=micros,
            credits_micros=micros,
            debits_micros=0,
            lines=1,
            digest="",
            minimum_micros=0,
            refund_window_ms=0,
            counted_from=CountedFrom.ORDER,
            two_people=True,
            prepared_by="pat",
            ledger_positions="{}",
        )
    )


def rows(
    layout: str, *statements: Statement, note: str = "Thanks", **payees: Payee
) -> list[list[str]]:
    known = payees or {statement.prepared.beneficiary: GOOD for statement in statements}
    text = file_text(LAYOUTS[layout], statements, known, note)
    return list(csv.reader(text.splitlines()))


def test_paypal_has_no_header_and_one_row_a_payment() -> None:
    amy = due("amy", 1_234_500_000)
    row = ["amy@example.com", "1234.50", "EUR", amy.reference, "Thanks", "PAYPAL"]
    assert rows("paypal", amy) == [row]
    assert rows("paypal", amy, amy=Payee(paypal="ABCDEFGHJKLMN"))[0][0] == "ABCDEFGHJKLMN"


def test_wise_has_the_columns_of_its_templates() -> None:
    amy = due("amy", 5 * UNIT)
    header, row = rows("wise", amy)
    assert header == [
        *("name", "recipientEmail", "paymentReference", "receiverType", "amountCurrency"),
        *("amount", "sourceCurrency", "targetCurrency", "IBAN"),
    ]
    assert row == [
        *("Amy Ace", "amy@example.com", amy.reference, "PERSON", "target"),
        *("5.00", "EUR", "EUR", "DE89370400440532013000"),
    ]
    assert rows("wise-email", amy)[0] == header[:-1]
    assert rows("wise-email", amy, amy=Payee(type="business"))[1][3] == "INSTITUTION"


def test_banks_and_tremendous() -> None:
    amy = due("amy", 5 * UNIT)
    assert rows("sepa", amy) == [
        [
            *("creditor_name", "creditor_iban", "creditor_bic", "amount", "currency"),
            *("end_to_end_id", "remittance_information"),
        ],
        [
            *("Amy Ace", "DE89370400440532013000", "COBADEFFXXX", "5.00", "EUR"),
            *(amy.reference, "Thanks"),
        ],
    ]
    assert rows("tremendous", amy) == [
        ["name", "email", "amount", "currency_code", "external_id"],
        ["Amy Ace", "amy@example.com", "5.00", "EUR", amy.reference],
    ]


def test_amounts_have_the_places_of_their_currency() -> None:
    assert rows("paypal", due("amy", 500 * UNIT, "JPY"))[0][1] == "500"
    assert rows("bank", due("amy", 1_250_000, "KWD"))[1][3] == "1.250"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\uff1d1"])
def test_no_cell_is_a_formula(name: str) -> None:
    assert formula_safe(name) == f"'{name}"
    (_, row) = rows("tremendous", due("amy", UNIT), amy=Payee(name=name, email="a@example.com"))
    assert row[0].startswith("'")


def test_details_that_could_be_formulas_are_faults() -> None:
    for bad in (Payee(email="=cmd@example.com"), Payee(paypal="+1"), Payee(iban="=1")):
        assert list(bad.faults()) != []


def test_who_lacks_something_is_listed() -> None:
    statements = [due(name, UNIT) for name in ("amy", "ben", "cat", "dan")]
    payees = {
        "amy": GOOD,
        "ben": Payee(name="Ben"),
        "cat": Payee(name="Cat", iban="DE89370400440532013001"),
    }
    found, missing = payable(LAYOUTS["sepa"], statements, payees)
    assert [statement.prepared.beneficiary for statement in found] == ["amy"]
    assert [(gap.statement.prepared.beneficiary, gap.why) for gap in missing] == [
        ("ben", "A bank, within SEPA needs iban"),
        ("cat", "the iban's check digits, length or characters are wrong"),
        ("dan", "the payees' file doesn't have the beneficiary"),
    ]


def test_a_file_has_one_currency_that_the_provider_pays() -> None:
    with pytest.raises(ExpectedError, match="a file has one currency, and these are in EUR, USD"):
        rows("paypal", due("amy", UNIT), due("ben", UNIT, "USD"))
    with pytest.raises(ExpectedError, match="within SEPA takes EUR, not USD"):
        rows("sepa", due("amy", UNIT, "USD"))
    with pytest.raises(ExpectedError, match="takes money, not points"):
        rows("paypal", due("amy", UNIT, "points"))


def test_a_file_has_no_more_rows_than_the_provider_takes() -> None:
    many = [due(f"u{nth}", UNIT) for nth in range(1_001)]
    with pytest.raises(ExpectedError, match="--limit 1000"):
        rows("wise", *many)


def test_a_reference_is_short_and_follows_from_the_statement() -> None:
    one, other = (reference_of(statement_id(name, "EUR", 0, 1)) for name in ("amy", "ben"))
    assert one != other
    assert len(one) == 18
    assert one.isalnum()
    assert one.isupper()


def test_ibans_have_check_digits() -> None:
    assert is_iban("GB82WEST12345698765432")
    assert not is_iban("GB82WEST12345698765433")
    assert not is_iban("GB82 WEST 1234 5698 7654 32")


def test_payees_are_read_as_people_write_them(tmp_path: Path) -> None:
    file = tmp_path / "payees.csv"
    file.write_text(
        "\ufeffBeneficiary,Name,IBAN,Type\namy,Amy,de89 3704 0044 0532 0130 00,Person\n"
    )
    assert read_payees(file) == {"amy": Payee(name="Amy", iban="DE89370400440532013000")}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name\nAmy\n", "needs a first line with the columns beneficiary"),
        ("beneficiary,iban number\namy,x\n", "has a column 'iban number'"),
        ("beneficiary,name\namy,A\namy,B\n", "has amy twice"),
    ],
)
def test_a_payees_file_that_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "payees.csv").write_text(text)
    with pytest.raises(ExpectedError, match=why):
        read_payees(tmp_path / "payees.csv")


def test_a_provider_s_report(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    file.write_text(
        "Customer ID,Transaction Status,Amount,Currency,Transaction ID,Reason\r\n"
        'RT1,Completed,"-1234,50",EUR,PP1,\r\nRT2,Returned,5.00,EUR,PP2,closed\r\n'
        ",,,,,\r\nRT3,Unclaimed,5,EUR,,\r\n"
    )
    paid, returned, pending = read_report(file)
    assert (paid.reference, paid.status, paid.amount_micros) == (
        "RT1",
        StatementStatus.PAID,
        1_234_500_000,
    )
    assert (returned.status, returned.provider_reference, returned.detail) == (
        StatementStatus.RETURNED,
        "PP2",
        "closed",
    )
    assert (pending.status, pending.is_known_status) == (None, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("status\npaid\n", "no column for the reference"),
        ("reference\nRT1\n", "no column for the status"),
        ("reference,status,amount\nRT1,paid,1.234.5\n", 'line 2: "1.234.5" is no amount'),
    ],
)
def test_a_report_that_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "report.csv").write_text(text)
    with pytest.raises(ExpectedError, match=why):
        read_report(tmp_path / "report.csv")


def test_the_shipped_terms_and_payees_are_read() -> None:
    terms = read_terms(EXAMPLES / "affiliate.toml")
    assert (terms.kinds, terms.refund_window, terms.two_people) == (("payout",), 30 * DAY, True)
    assert terms.minimum == {"EUR": 25 * UNIT, "USD": 30 * UNIT}
    assert all(
        list(payee.faults()) == [] for payee in read_payees(EXAMPLES / "payees.csv").values()
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[payouts]\nminimum = { EUR = 25 }", r"payouts\] minimum.EUR.*write an amount as text"),
        ('[payouts]\nminimum = { JPY = "0.5" }', "JPY must be a whole number"),
        ('[payouts]\nminimum = { XXY = "5" }', 'no currency "XXY"'),
        ('[payouts]\nrefund_window = "a while"', "refund_window"),
        ("[payouts]\nminimun = 5", "minimun: Extra inputs"),
        ("[payouts", "is no TOML"),
    ],
)
def test_terms_that_are_wrong(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "terms.toml").write_text(text)
    with pytest.raises(ExpectedError, match=why):
        read_terms(tmp_path / "terms.toml")


@pytest.mark.parametrize(
    ("text", "start", "until"),
    [
        ("2026-10", "2026-10-01", "2026-11-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-10-01..2026-10-15", "2026-10-01", "2026-10-15"),
    ],
)
def test_a_period(text: str, start: str, until: str) -> None:
    found = parse_period(text)
    assert (rfc3339(found.start)[:10], rfc3339(found.until)[:10]) == (start, until)


@pytest.mark.parametrize(
    "text", ["2026", "2026-13", "2026-10-02..2026-10-01", "..", "2026-10-01T00:00..2026-10-02"]
)
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ExpectedError, match="is no period"):
        parse_period(text)

"""Amounts and currencies in CSV exports whose columns a file of the merchant's names."""

from pathlib import Path

import pytest
from support.column_exports import (
    HEAD,
    REWARDFUL,
    columns_file,
    micros,
    read,
    row,
)

from reftrail.contracts.errors import ExpectedError
from reftrail.imports import Programme, read_columns, read_commissions


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("7.5", "USD", 7_500_000),
        ("7", "USD", 7_000_000),
        ("7.5000", "USD", 7_500_000),
        ("-7.50", "USD", -7_500_000),
        ("-$7.50", "USD", -7_500_000),
        ("$-7.50", "USD", -7_500_000),
        ("$1,234,567.89", "CAD", 1_234_567_890_000),
        ("1,234.5 USD", "USD", 1_234_500_000),
        ("usd 1 234.50", "USD", 1_234_500_000),
        ("1'234.50", "CHF", 1_234_500_000),
        ("€0.07", "EUR", 70_000),
        ("1.500", "KWD", 1_500_000),
        ("750", "JPY", 750_000_000),
        ("750.00", "JPY", 750_000_000),
    ],
)
def test_decimal_amounts(tmp_path: Path, amount: str, currency: str, expected: int) -> None:
    assert micros(tmp_path, amount, currency, 'written = "decimal"') == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1.234,50", 1_234_500_000),
        ("1.500", 1_500_000_000),
        ("7,5 €", 7_500_000),
        ("-0,01", -10_000),
    ],
)
def test_amounts_with_a_decimal_comma(tmp_path: Path, amount: str, expected: int) -> None:
    amounts = 'written = "decimal"\ndecimal_separator = ","'
    assert micros(tmp_path, amount, "EUR", amounts) == expected


def test_amounts_in_minor_units(tmp_path: Path) -> None:
    assert micros(tmp_path, "750", "USD", 'written = "minor"') == 7_500_000
    assert micros(tmp_path, "750", "JPY", 'written = "minor"') == 750_000_000


@pytest.mark.parametrize(
    ("written", "amount", "currency", "why"),
    [
        ("minor", "7.50", "USD", "and not a whole number of minor units; is amounts.written"),
        ("minor", "", "USD", "the amount is '', and not a whole number"),
        ("decimal", "", "USD", "the amount is '', and no amount with the decimal separator '.'"),
        ("decimal", "n/a", "USD", "the amount is 'n/a', and no amount"),
        ("decimal", "1.234,50", "USD", "and no amount with the decimal separator '.'"),
        ("decimal", "1,23", "USD", "and no amount with the decimal separator '.'"),
        ("decimal", "--1", "USD", "and no amount"),
        ("decimal", "-$-1", "USD", "and no amount"),
        ("decimal", "(7.50)", "USD", "and no amount"),
        (
            "decimal",
            "1.500",
            "USD",
            "if '.' separates thousands, give the other one as amounts.dec",
        ),
        ("decimal", "1.005", "EUR", "3 digits after the decimal separator '.', where the"),
        ("decimal", "7.5", "JPY", "1 digits after the decimal separator '.', where the curre"),
        ("decimal", "€7.50", "USD", "the amount is '€7.50', and the currency USD; which is it?"),
        ("decimal", "$7.50", "EUR", "the amount is '$7.50', and the currency EUR; which is it?"),
        ("decimal", "7.50 GBP", "EUR", "the amount is '7.50 GBP', and the currency EUR"),
        ("decimal", "99999999999999.00", "USD", "is 9999999999999900, and out of range"),
        ("decimal", "1e3", "USD", "and no amount"),
        ("decimal", "١٢", "USD", "and no amount"),
    ],
)
def test_what_is_no_amount_is_a_fault_of_its_row(
    tmp_path: Path, written: str, amount: str, currency: str, why: str
) -> None:
    found = micros(tmp_path, amount, currency, f'written = "{written}"')
    assert isinstance(found, str)
    assert why in found


def test_amounts_without_decimals_are_doubted(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    rows = [row(Commission="750"), row(ID="2", Commission="750.00")]
    for count, doubted in ((1, True), (2, False)):
        file.write_text("\n".join([HEAD, *rows[:count]]))
        found = read_commissions(Programme.REWARDFUL, file, None, read_columns(REWARDFUL))
        assert len(found.commissions) == count
        assert [note for note in found.notes if "no amount in the file has decimals" in note] == (
            list(found.notes)
        )
        assert bool(found.notes) is doubted


def test_a_column_may_say_another_currency_for_each_row_or_none(tmp_path: Path) -> None:
    content = f"{HEAD}\n{row(Currency='jpy', Commission='750')}\n{row(ID='2', Currency='')}\n"
    commissions, faults, _ = read(tmp_path, content)
    assert [(found.open_micros, found.currency) for found in commissions] == [(750_000_000, "JPY")]
    assert faults == [(3, "2", "it has no Currency; give it with --currency")]
    commissions, faults, _ = read(tmp_path, content, currency="EUR")
    assert ([found.currency for found in commissions], faults) == (["JPY", "EUR"], [])


def test_nothing_says_the_currency(tmp_path: Path) -> None:
    mapping = columns_file(tmp_path, REWARDFUL.read_text().replace('currency = "Currency"', ""))
    with pytest.raises(ExpectedError, match="nothing says the currency of"):
        read(tmp_path, f"{HEAD}\n{row()}\n", mapping)
    assert read(tmp_path, f"{HEAD}\n{row()}\n", mapping, currency="usd")[0][0].currency == "USD"

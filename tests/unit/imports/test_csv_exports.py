"""Dub's CSV exports: the same commissions as its API answers, whatever the form of amounts."""

from pathlib import Path

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.imports import Commission, Programme, read_commissions

HEAD = "id,type,earnings,currency,status,partnerId,partnerEmail,customerId,customerExternalId"
ANN = Commission(
    "cm_1", "pn_1", "ann@affiliates.example", None, "user-9", 100_000_000, "USD", "pending"
)


def read(tmp_path: Path, text: str, name: str = "commissions.csv") -> tuple[list[Commission], int]:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    found = read_commissions(Programme.DUB, file)
    return found.commissions, len(found.faults)


def row(earnings: str, currency: str = "usd", status: str = "pending") -> str:
    return f"cm_1,sale,{earnings},{currency},{status},pn_1,ann@affiliates.example,cus_2,user-9"


@pytest.mark.parametrize("earnings", ["10000", "$100.00", "$100", '"$100.0"'])
@pytest.mark.parametrize("name", ["commissions.csv", "export"])
def test_a_row_is_what_the_api_answers(tmp_path: Path, earnings: str, name: str) -> None:
    assert read(tmp_path, f"{HEAD}\r\n{row(earnings)}\r\n", name) == ([ANN], 0)


@pytest.mark.parametrize(
    ("earnings", "currency", "micros"),
    [
        ('"$1,234,567.89"', "usd", 1_234_567_890_000),
        ("-$5.50", "usd", -5_500_000),
        ("CA$5.50", "cad", 5_500_000),
        ("\u20ac0.07", "EUR", 70_000),
        ("\u00a5500", "jpy", 500_000_000),
        ("500", "jpy", 500_000_000),
    ],
)
def test_amounts(tmp_path: Path, earnings: str, currency: str, micros: int) -> None:
    ((commission,), faults) = read(tmp_path, f"{HEAD}\n{row(earnings, currency)}\n")
    assert (commission.open_micros, commission.currency) == (micros, currency.upper())
    assert faults == 0


@pytest.mark.parametrize(
    "earnings", ["100.00", "$1.005", '"1.234,50 \u20ac"', "", '"$1,23"', "abc"]
)
def test_an_amount_that_could_mean_two_things_is_a_fault(tmp_path: Path, earnings: str) -> None:
    assert read(tmp_path, f"{HEAD}\n{row(earnings)}\n") == ([], 1)


def test_columns_may_be_named_by_their_titles(tmp_path: Path) -> None:
    head = (
        "\ufeffID,Type,Earnings,Currency,Status,Partner ID,Partner email,Customer ID,"
        "Customer external ID"
    )
    assert read(tmp_path, f"{head}\n{row('10000')}\n") == ([ANN], 0)


def test_what_was_paid_is_not_owed(tmp_path: Path) -> None:
    ((commission,), _) = read(tmp_path, f"{HEAD}\n{row('10000', status='paid')}\n")
    assert commission.open_micros == 0


def test_the_standard_columns_name_no_partner(tmp_path: Path) -> None:
    with pytest.raises(
        ExpectedError, match="lacks the columns partnerId; its columns are id, type"
    ):
        read(tmp_path, "id,type,amount,earnings,currency,status\ncm_1,sale,5,1,usd,paid\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{HEAD}\ncm_1,sale\n", "2 values in row 2, and 9 columns"),
        (f'{HEAD}\n"cm_1', "is no CSV: unexpected end of data"),
    ],
)
def test_a_torn_file_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ExpectedError, match=why):
        read(tmp_path, text)


@pytest.mark.parametrize("programme", [Programme.REWARDFUL, Programme.FIRSTPROMOTER])
def test_tables_of_others_are_refused(tmp_path: Path, programme: Programme) -> None:
    file = tmp_path / "commissions.csv"
    file.write_text("Commission ID,Amount\n1,2\n")
    with pytest.raises(
        ExpectedError,
        match=r"--columns COLUMNS.toml .* the file's columns are Commission ID, Amount",
    ):
        read_commissions(programme, file)

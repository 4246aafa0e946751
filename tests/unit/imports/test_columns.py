"""CSV exports whose columns a file of the merchant's names."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.column_exports import (
    HEAD,
    REWARDFUL,
    columns_file,
    read,
    row,
)

from reftrail.contracts.errors import ExpectedError
from reftrail.imports import Commission, Programme, columns, read_columns


def test_a_row_is_the_commission_that_the_mapping_says(tmp_path: Path) -> None:
    james = Commission(
        "7d28-ca",
        "dc93-58",
        "james@affiliates.example",
        "jb007",
        "cus_1",
        7_500_000,
        "USD",
        "due",
    )
    paid = james._replace(commission_id="2", open_micros=0, state="Paid")
    void = james._replace(commission_id="3", open_micros=0, state="voided")
    own = james._replace(commission_id="4", customer="dc93-58")
    rows = [
        row(),
        row(ID="2", State="Paid"),
        row(ID="3", State="voided"),
        row(ID="4", Customer_ID=""),
    ]
    content = "\r\n".join([HEAD, *rows, ""])
    assert read(tmp_path, content) == ([james, paid, void, own], [], {})


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"State": "held"},
            (
                "its state 'held' isn't known: whether it is owed can't be told; the mapping knows "
                "'pending', 'due', 'paid', 'voided'"
            ),
        ),
        ({"ID": ""}, "it has no ID"),
        ({"Affiliate_ID": ""}, "it has no Affiliate ID"),
        ({"Currency": "XYZ"}, "'XYZ' is no currency of ISO 4217"),
        ({"ID": "7d28-ca"}, "it is in the file twice, first as row 2"),
        (
            {"ID": "1.23457E+17"},
            (
                "its id '1.23457E+17' is a long number that a spreadsheet has rounded; take the "
                "file as it was exported"
            ),
        ),
    ],
)
def test_a_row_that_is_no_commission_is_named(
    tmp_path: Path, changed: dict[str, str], why: str
) -> None:
    at_fault = {"ID": "2"} | changed
    commissions, faults, _ = read(tmp_path, f"{HEAD}\n{row()}\n{row(**at_fault)}\n{row(ID='3')}\n")
    assert [commission.commission_id for commission in commissions] == ["7d28-ca", "3"]
    assert faults == [(3, at_fault["ID"], why)]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('id = "ID"', "", "columns.id: Field required"),
        ("[amounts]", "[amount]", "amounts: Field required; amount: there is no such key"),
        ('"decimal"', '"cents"', "amounts.written: Input should be 'minor', 'decimal' or 'by sym"),
        ('= "."', '= ";"', "amounts.decimal_separator: Input should be '.' or ','"),
        ('["pending", "due"]', "[]", "states.open: List should have at least 1 item"),
        ('["voided"]', '["Due"]', "states: 'Due' is in two lists; leave it in one of them"),
        ("# [constants]", '[constants]\ncurrency = "USD"\n', "columns.currency or constants.curr"),
        ("[amounts]", '[constants]\ncurrency = "XYZ"\n[amounts]', "ISO 4217 has no currency"),
        ("[amounts]", '[csv]\nencoding = "hex"\n[amounts]', "csv.encoding: hex is not a text enc"),
        ("[amounts]", '[csv]\nencoding = "no"\n[amounts]', "csv.encoding: no is not a text enc"),
        ("[amounts]", '[csv]\ndelimiter = ", "\n[amounts]', "csv.delimiter: String should have at"),
        ("[amounts]", '[csv]\ndelimiter = "\\n"\n[amounts]', "csv.delimiter: it can't separate"),
        ("[amounts]", "[csv]\ndelimiter = '\"'\n[amounts]", "csv.delimiter: it can't separate"),
        ("[amounts]", '[units]\ncash = ["cash"]\n[amounts]', "columns.unit and units.cash need"),
        ("earner_", "payee_", "columns.payee_id: there is no such key"),
        ("[amounts]", "[amounts", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_told_with_its_key(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    text = REWARDFUL.read_text()
    assert old in text
    with pytest.raises(ExpectedError) as error:
        read_columns(columns_file(tmp_path, text.replace(old, new)))
    assert why in str(error.value)
    assert "columns.toml" in str(error.value)


def test_a_mapping_needs_an_earner(tmp_path: Path) -> None:
    kept = [line for line in REWARDFUL.read_text().splitlines() if not line.startswith("earner_")]
    with pytest.raises(ExpectedError, match="columns: give earner_id or earner_email"):
        read_columns(columns_file(tmp_path, "\n".join(kept)))


def test_a_mapping_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match="cannot read"):
        read_columns(tmp_path / "none.toml")


def test_a_mapping_of_the_merchant_s_holds_for_dub_too(tmp_path: Path) -> None:
    commissions, _, _ = read(tmp_path, f"{HEAD}\n{row()}\n", programme=Programme.DUB)
    assert [commission.earner for commission in commissions] == ["dc93-58"]


def test_the_example_in_the_module_is_a_mapping() -> None:
    text = (columns.__doc__ or "").partition("\n\n")[2]
    example: dict[str, Any] = tomllib.loads(text)
    del example["constants"]
    assert columns.ColumnMapping.model_validate(example).amounts.decimal_separator == ","

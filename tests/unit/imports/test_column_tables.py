"""What is a table of commissions: delimiters, titles, encodings, and rows as spreadsheets count."""

from pathlib import Path

import pytest
from support.column_exports import (
    FIRST_HEAD,
    FIRSTPROMOTER,
    HEAD,
    REWARDFUL,
    columns_file,
    read,
    row,
)

from reftrail.contracts.errors import ExpectedError
from reftrail.imports import Commission, Programme


def test_a_semicolon_separated_export_of_a_spreadsheet(tmp_path: Path) -> None:
    content = (
        f"{FIRST_HEAD}\r\n"
        '77;"1.234,50 €";approved;bob@affiliates.example;;buyer@shop.example;cash\r\n'
        "78;12;Paid;bob@affiliates.example;cus_2;;Cash\r\n"
        "79;500;approved;bob@affiliates.example;cus_2;;points\r\n"
        "80;500;approved;bob@affiliates.example;cus_2;;\r\n"
        ";;;;;;\r\n"
    ).encode("windows-1252")
    commissions, faults, left_out = read(
        tmp_path, content, FIRSTPROMOTER, programme=Programme.FIRSTPROMOTER
    )
    bob = "bob@affiliates.example"
    assert commissions == [
        Commission("77", bob, bob, None, "buyer@shop.example", 1_234_500_000, "EUR", "approved"),
        Commission("78", bob, bob, None, "cus_2", 0, "EUR", "Paid"),
    ]
    assert (faults, left_out) == ([], {"points": 1, "no unit": 1})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("before", ["", "\ufeff", "sep=DELIMITER\r\n", "\ufeffsep=DELIMITER\n"])
def test_the_delimiter_is_what_separates_the_titles(
    tmp_path: Path, delimiter: str, before: str
) -> None:
    table = f"{HEAD}\n{row()}\n".replace(",", delimiter)
    commissions, _, _ = read(tmp_path, before.replace("DELIMITER", delimiter) + table)
    assert [commission.commission_id for commission in commissions] == ["7d28-ca"]


def test_rows_are_counted_as_spreadsheets_do(tmp_path: Path) -> None:
    note = '"a note\nof three\nlines"'
    content = f"{HEAD},Note\n{row()},{note}\n\n{row(ID='2', State='held')},\n"
    commissions, faults, _ = read(tmp_path, content)
    assert len(commissions) == 1
    assert [(number, its_id) for number, its_id, _ in faults] == [(4, "2")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"ID,State\n1,due\n", "lacks the columns Commission, Currency, Affiliate ID, .*; its"),
        (f"{HEAD},ID\n{row()},1\n".encode(), "has the column 'ID' 2 times; rename the others"),
        (
            f"{HEAD}\n{row()},more\n".encode(),
            "10 values in row 2, and 9 columns: its titles must be",
        ),
        (f'{HEAD}\n"{row()}\n'.encode(), "is no CSV: unexpected end of data"),
        (
            f"{HEAD}\n{row()}\n{row(Customer_ID='Zoé')}\n".encode("latin-1"),
            'export.csv, line 3: this is not utf-8 .* csv.encoding = "windows-1252"',
        ),
        (f"{HEAD}\n{row()}\n".encode("utf-16"), 'line 1: this is not utf-8 .* "utf-16"'),
        (b'[{"id": "1"}]', "is JSON; --columns is for CSV exports"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(ExpectedError, match=why):
        read(tmp_path, content)


def test_a_table_without_rows_has_no_commissions(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEAD}\n") == ([], [], {})


def test_a_missing_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError) as error:
        read(tmp_path, HEAD.replace("State", "Status") + f"\n{row()}\n")
    assert (
        "lacks the columns State; its columns are ID, Sale, Commission, Status, Currency, "
        "Affiliate ID, Affiliate email, Link token, Customer ID; "
    ) in str(error.value)


def test_titles_differ_by_more_than_blanks_and_capitals(tmp_path: Path) -> None:
    assert len(read(tmp_path, f"{HEAD.lower()}\n{row()}\n")[0]) == 1
    both = f"{HEAD},id\n{row()},another\n"
    assert [found.commission_id for found in read(tmp_path, both)[0]] == ["7d28-ca"]


def test_an_encoding_that_the_file_itself_contradicts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match=r'is UTF-8, and csv.encoding = "windows-1252" would'):
        read(tmp_path, f"\ufeff{FIRST_HEAD}\n", FIRSTPROMOTER)


def test_utf_8_is_not_read_as_another_encoding(tmp_path: Path) -> None:
    mapping = columns_file(tmp_path, REWARDFUL.read_text() + '[csv]\nencoding = "windows-1252"\n')
    with pytest.raises(ExpectedError, match=r'is UTF-8, and csv.encoding = "windows-1252" would'):
        read(tmp_path, f"{HEAD}\n{row(Customer_ID='Zoé')}\n", mapping)
    assert len(read(tmp_path, f"{HEAD}\n{row()}\n", mapping)[0]) == 1


def test_an_encoding_that_has_no_place_for_its_faults(tmp_path: Path) -> None:
    mapping = columns_file(tmp_path, REWARDFUL.read_text() + '[csv]\nencoding = "idna"\n')
    with pytest.raises(ExpectedError, match="line 1: this is not idna"):
        read(tmp_path, "xn--99999999", mapping)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_titles_in_quotes(tmp_path: Path, delimiter: str) -> None:
    lines = (f"{HEAD},Note", f"{row()},a")
    quoted = ["".join(f'"{value}"{delimiter}' for value in line.split(",")) for line in lines]
    table = "\n".join(line.removesuffix(delimiter) for line in quoted)
    assert len(read(tmp_path, table.replace("Note", "Note\nof two lines"))[0]) == 1


@pytest.mark.parametrize("first", [b"PK\x03\x04\x14", b"\xd0\xcf\x11\xe0\xa1"])
def test_a_spreadsheet_is_no_table(tmp_path: Path, first: bytes) -> None:
    with pytest.raises(ExpectedError, match="is a spreadsheet or an archive; save it as CSV"):
        read(tmp_path, first)


def test_a_utf_16_file_is_read_as_such(tmp_path: Path) -> None:
    mapping = columns_file(tmp_path, REWARDFUL.read_text() + '[csv]\nencoding = "utf-16"\n')
    content = f"{HEAD}\n{row()}\n".replace(",", "\t").encode("utf-16")
    assert len(read(tmp_path, content, mapping)[0]) == 1

"""CSV exports whose columns a file of the merchant's names."""

import textwrap
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.imports import Commission, Programme, columns, read_columns, read_commissions

EXAMPLES: Final = Path(__file__).parents[3] / "examples" / "imports"
REWARDFUL: Final = EXAMPLES / "rewardful.columns.toml"
FIRSTPROMOTER: Final = EXAMPLES / "firstpromoter.columns.toml"
HEAD: Final = (
    "ID,Sale,Commission,State,Currency,Affiliate ID,Affiliate email,Link token,Customer ID"
)
FIRST_HEAD: Final = "ID;Amount;Status;Promoter email;Customer ID;Customer email;Unit"


def read(
    tmp_path: Path,
    content: str | bytes,
    columns: Path = REWARDFUL,
    *,
    programme: Programme = Programme.REWARDFUL,
    currency: str | None = None,
) -> tuple[list[Commission], list[tuple[int, str, str]], dict[str, int]]:
    file = tmp_path / "export.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_commissions(programme, file, currency, read_columns(columns))
    assert all(fault.counted == "row" for fault in found.faults)
    return found.commissions, [fault[:3] for fault in found.faults], found.left_out


def row(**changed: str) -> str:
    values = {
        "ID": "7d28-ca",
        "Sale": "50.00",
        "Commission": "7.50",
        "State": "due",
        "Currency": "USD",
        "Affiliate ID": "dc93-58",
        "Affiliate email": "james@affiliates.example",
        "Link token": "jb007",
        "Customer ID": "cus_1",
    } | {key.replace("_", " "): value for key, value in changed.items()}
    return ",".join(f'"{value}"' if "," in value else value for value in values.values())


def columns_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "columns.toml"
    file.write_text(textwrap.dedent(text))
    return file


def micros(tmp_path: Path, amount: str, currency: str, amounts: str) -> int | str:
    """The amount of a row under a format, or why there is none."""
    text = REWARDFUL.read_text().partition("[amounts]")[0]
    states = '[states]\nopen = ["due"]\n'
    mapping = columns_file(tmp_path, f"{text}[amounts]\n{amounts}\n{states}")
    content = f"{HEAD}\n{row(Commission=amount, Currency=currency)}\n"
    commissions, faults, _ = read(tmp_path, content, mapping)
    return commissions[0].open_micros if commissions else faults[0][2]


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


def test_a_column_may_say_another_currency_for_each_row_or_none(tmp_path: Path) -> None:
    content = f"{HEAD}\n{row(Currency='jpy', Commission='750')}\n{row(ID='2', Currency='')}\n"
    commissions, faults, _ = read(tmp_path, content)
    assert [(found.open_micros, found.currency) for found in commissions] == [(750_000_000, "JPY")]
    assert faults == [(3, "2", "it has no Currency; give it with --currency")]
    commissions, faults, _ = read(tmp_path, content, currency="EUR")
    assert ([found.currency for found in commissions], faults) == (["JPY", "EUR"], [])


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


def test_nothing_says_the_currency(tmp_path: Path) -> None:
    mapping = columns_file(tmp_path, REWARDFUL.read_text().replace('currency = "Currency"', ""))
    with pytest.raises(ExpectedError, match="nothing says the currency of"):
        read(tmp_path, f"{HEAD}\n{row()}\n", mapping)
    assert read(tmp_path, f"{HEAD}\n{row()}\n", mapping, currency="usd")[0][0].currency == "USD"


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

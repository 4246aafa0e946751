"""Tables of codes in files: the same out and in, a batch in memory, nothing left half written."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from reftrail.codes.bulk.derived import write_derived
from reftrail.codes.bulk.files import Columns, FileKind, read_table, room_for, write_table
from reftrail.codes.bulk.rows import BadRow, GoodRow, read_rows
from reftrail.codes.bulk.rows import Columns as Fields
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.model import ActRefused, DerivedRange, Why
from reftrail.contracts.errors import ExpectedError

COLUMNS: Columns = {"code": pl.String, "uses": pl.Int64, "channels": pl.List(pl.String)}


def frames(count: int) -> Iterator[pl.DataFrame]:
    for number in range(count):
        row = {"code": [f'A"{number},'], "uses": [number or None], "channels": [["web", "app"]]}
        yield pl.DataFrame(row, schema=dict(COLUMNS))


@pytest.mark.parametrize("kind", FileKind)
def test_what_is_written_is_read(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / f"table.{kind}"
    write_table(path, kind, COLUMNS, frames(3))
    rows = list(read_table(path))
    text = kind is FileKind.CSV
    assert [row.values["code"] for row in rows] == ['A"0,', 'A"1,', 'A"2,']
    assert "uses" not in rows[0].values
    assert rows[2].values["uses"] == ("2" if text else 2)
    assert rows[0].values["channels"] == ("web|app" if text else ["web", "app"])
    first = 2 if text else 1
    assert [row.number for row in rows] == [first, first + 1, first + 2]


@pytest.mark.parametrize("kind", FileKind)
def test_no_rows_are_a_table_too(tmp_path: Path, kind: FileKind) -> None:
    path = tmp_path / f"table.{kind}"
    write_table(path, kind, COLUMNS, frames(0))
    if kind is not FileKind.JSONL:
        assert "code" in path.read_bytes().decode("latin-1")
    assert list(read_table(path)) == []


@pytest.mark.parametrize("kind", FileKind)
def test_what_goes_wrong_while_codes_are_issued_is_told_as_it_was(
    tmp_path: Path, kind: FileKind
) -> None:
    def failing() -> Iterator[pl.DataFrame]:
        yield from frames(1)
        raise ActRefused(Why.EXHAUSTED, "the format is full")

    with pytest.raises(ActRefused, match="the format is full"):
        write_table(tmp_path / f"table.{kind}", kind, COLUMNS, failing())


def test_a_file_takes_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    with pytest.raises(FileNotFoundError), room_for(path) as beside:
        beside.write_text(beside.with_name("missing").read_text())
    assert list(tmp_path.iterdir()) == []
    with room_for(path) as beside:
        beside.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_derived_codes_that_cannot_be_written_are_told_how_to_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = DerivedCodes("spring", bytes(32), Pattern.of("SPR{body:9}{check}"), 10)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reftrail.codes.bulk.derived.write_table", full)
    issued = DerivedRange("spr", "spring", 4, 10, "batch")
    with pytest.raises(ExpectedError, match="issue --format spr --again 4-10 --out FILE"):
        write_derived(tmp_path / "d.csv", lambda: (derived, issued), lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_derived_codes_are_written_a_batch_at_a_time(tmp_path: Path) -> None:
    derived = DerivedCodes("spring", bytes(32), Pattern.of("SPR{body:9}{check}"), 200_000, 1.0)
    sizes: list[int] = []
    issued = DerivedRange("spr", "spring", 3, 200_000, "batch")
    write_derived(tmp_path / "d.parquet", lambda: (derived, issued), sizes.append)
    assert sum(sizes) == 199_998
    assert max(sizes) <= 1 << 16
    table = pl.read_parquet(tmp_path / "d.parquet")
    assert table["sequence"].to_list() == list(range(3, 200_001))
    assert table["code"][-1] == derived.code(200_000)
    assert table["campaign_id"].unique().to_list() == ["spring"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "code,code\n", "the first line must name the columns, each once"),
        ("a.csv", "", "the first line must name the columns, each once"),
        ("a.csv", "code\nA,B\n", "line 2: has 2 cells, but the first line names 1 columns"),
        ("a.csv", 'code\n"A\n', "line 2: is not CSV in UTF-8"),
        ("a.jsonl", '{"code": "A"}\n[1]\n', "line 2: is not a JSON object"),
        ("a.parquet", "no", "cannot read"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(
    tmp_path: Path, name: str, text: str, why: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ExpectedError, match=why):
        list(read_table(tmp_path / name))


def test_a_row_is_as_long_as_its_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeffcode,notes\r\nA,"one\r\ntwo"\r\n\r\nB,\r\n'.encode())
    assert [(row.number, row.values) for row in read_table(path)] == [
        (2, {"code": "A", "notes": "one\r\ntwo"}),
        (5, {"code": "B"}),
    ]


def test_columns_are_fields_by_name_or_as_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("voucher,code,owner,regions,until\nA1,x,amy,DE|AT,2030-01-01\nB1,y,bob,d,\n")
    columns = Fields(
        {"code": "voucher"}, {"campaign": "spring", "max_uses": "2"}, frozenset({"code", "until"})
    )
    good, bad = read_rows(path, columns)
    assert isinstance(good, GoodRow)
    assert good.given.code == "A1"
    assert good.given.terms.campaign_id == "spring"
    assert good.given.terms.max_uses == 2
    assert good.given.terms.regions == ("DE", "AT")
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.code) == (3, "B1")
    assert "regions is 'd'" in bad.why
    with pytest.raises(ActRefused, match="column 'code' is not known"):
        list(read_rows(path, Fields({"code": "voucher"}, {"campaign": "spring"})))
    with pytest.raises(ExpectedError, match="colour is not a field of a code"):
        Fields({"colour": "voucher"})

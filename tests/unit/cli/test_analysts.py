"""`reftrail sql` and `reftrail export`, against an API that answers as the warehouse does."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError

ROWS = {
    "as_of": None,
    "columns": [{"name": "code", "type": "Nullable(String)"}, {"name": "n", "type": "UInt64"}],
    "rows": [["=A1", 12], [None, 3]],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/v1/exports/v_events":
            return httpx.Response(200, content=b"x" * 5000)
        if request.url.path == "/v1/sql":
            return httpx.Response(200, json=ROWS)
        return httpx.Response(422, json={"detail": "there are v_events"})

    transport = httpx.MockTransport(handle)
    made = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **given: made(transport=transport, **given))
    return seen


def run(*arguments: str, given: str | None = None) -> str:
    environment = {"REFTRAIL_REPORTS_URL": "http://reports", "REFTRAIL_SECRET_KEY": "sk"}
    app = command_line(("sql", "export"))
    done = CliRunner().invoke(app, arguments, input=given, env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_rows_are_printed_as_a_table_csv_and_json(asked: list[httpx.Request]) -> None:
    assert "2 rows" in run("sql", "SELECT 1")
    assert run("sql", "SELECT 1", "--format", "csv") == "code,n\n'=A1,12\n,3\n"
    rows: list[dict[str, Any]] = json.loads(run("sql", "SELECT 1", "--format", "json"))
    assert rows == [{"code": "=A1", "n": 12}, {"code": None, "n": 3}]
    assert json.loads(asked[0].content) == {"query": "SELECT 1"}


def test_a_query_may_come_from_standard_input(asked: list[httpx.Request]) -> None:
    run("sql", "-", given="SELECT 2")
    assert json.loads(asked[0].content) == {"query": "SELECT 2"}
    with pytest.raises(ExpectedError, match="the query is empty"):
        run("sql", "-", given=" ")


def test_an_export_is_written_whole(asked: list[httpx.Request], tmp_path: Path) -> None:
    out = tmp_path / "events.parquet"

    assert "5,000 bytes" in run("export", "v_events", "--out", str(out), "--from", "2026-09-01")

    assert out.read_bytes() == b"x" * 5000
    assert dict(asked[0].url.params) == {
        "format": "parquet",
        "from": "2026-09-01T00:00:00+00:00",
    }
    assert list(tmp_path.iterdir()) == [out]
    assert out.stat().st_mode & 0o777 == 0o600, "it says who earned what"


def test_an_export_replaces_a_file_only_when_asked(
    asked: list[httpx.Request], tmp_path: Path
) -> None:
    out = tmp_path / "events.csv"
    out.write_text("mine")
    with pytest.raises(ExpectedError, match="is there already"):
        run("export", "v_events", "--out", str(out))
    assert out.read_text() == "mine"

    run("export", "v_events", "--out", str(out), "--overwrite")
    assert out.read_bytes() == b"x" * 5000


def test_an_export_that_fails_leaves_nothing(asked: list[httpx.Request], tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match="there are v_events"):
        run("export", "nothing", "--out", str(tmp_path / "x.csv"))
    with pytest.raises(ExpectedError, match=r"end in \.parquet or \.csv"):
        run("export", "v_events", "--out", str(tmp_path / "x.xls"))
    assert list(tmp_path.iterdir()) == []

"""Options of `reftrail report`: all that the table of parameters has, and what they ask."""

from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.reports.parameters import PARAMETERS

ENVIRONMENT = {"REFTRAIL_REPORTS_URL": "http://reports", "REFTRAIL_SECRET_KEY": "sk"}


def test_every_parameter_is_an_option() -> None:
    shown = (
        CliRunner()
        .invoke(command_line(("report",)), ["report", "--help"], env={"COLUMNS": "200"})
        .output
    )
    assert [
        parameter.name
        for parameter in PARAMETERS
        if f"--{parameter.name.replace('_', '-')}" not in shown
    ] == []


def test_what_is_asked_on_the_command_line_is_asked_over_http(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[httpx.QueryParams] = []

    def get(_: httpx.Client, path: str, params: Any) -> httpx.Response:
        asked.append(httpx.QueryParams(params))
        request = httpx.Request("GET", f"http://reports{path}")
        return httpx.Response(200, json={"as_of": None, "rows": []}, request=request)

    monkeypatch.setattr(httpx.Client, "get", get)
    options = "--granularity day --time-zone Europe/Berlin --from 2026-10-25 --to 2026-10-26"
    options += " --code AMY --code BOB --country DE --compare previous --format csv"

    done = CliRunner().invoke(
        command_line(("report",)), ["report", "funnel", *options.split()], env=ENVIRONMENT
    )

    assert done.exit_code == 0, done.output
    assert done.output.startswith("day,views,previous_views,clicks,")
    assert asked[0].multi_items() == [
        ("by", "day"),
        ("from", "2026-10-24T22:00:00+00:00"),
        ("to", "2026-10-25T23:00:00+00:00"),
        ("time_zone", "Europe/Berlin"),
        ("compare", "previous"),
        ("code", "AMY"),
        ("code", "BOB"),
        ("country", "DE"),
    ]


def test_a_csv_file_of_a_list_that_is_cut_short_has_a_word_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def get(_: httpx.Client, path: str, **__: Any) -> httpx.Response:
        request = httpx.Request("GET", f"http://reports{path}")
        return httpx.Response(
            200, json={"as_of": None, "only_first": 10_000, "rows": []}, request=request
        )

    monkeypatch.setattr(httpx.Client, "get", get)
    done = CliRunner().invoke(
        command_line(("report",)), ["report", "codes", "--format", "csv"], env=ENVIRONMENT
    )
    assert done.exit_code == 0, done.output
    assert "Only the first 10,000 are listed" in done.stderr
    assert done.stdout.startswith("code,")
    assert "Only" not in done.stdout

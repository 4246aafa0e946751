"""`reftrail experiment` as a person reads it."""

from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.reports.client import ReportsClient

RATE = {"estimate": 0.25, "low": 0.2, "high": 0.305}


def arm(name: str, **figures: Any) -> dict[str, Any]:
    counts = ("visitors", "visitors_signed_up", "visitors_qualified", "signups", "qualified")
    rates = {"signup_rate": RATE, "qualified_rate": None}
    apart = {"signup_rate_difference": None, "qualified_rate_difference": None}
    return {"arm": name, **dict.fromkeys(counts, 7), **rates, **apart, "costs": []} | figures


def answer(by: str, warning: str | None) -> dict[str, Any]:
    costs = [{"currency": "EUR", "cost": "20.00"}, {"currency": "JPY", "cost": "100"}]
    apart = {"estimate": -0.01, "low": -0.05, "high": 0.031}
    units = [{"arm": name, "units": 41, "expected": 40.5} for name in ("control", "twenty")]
    return {
        "as_of": None,
        "campaign_id": "spring",
        "by": by,
        "arms": [arm("control"), arm("twenty", costs=costs, signup_rate_difference=apart)],
        "split": {"arms": units, "p": 0.9, "is_mismatch": bool(warning), "warning": warning},
    }


def run(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], *options: str) -> str:
    monkeypatch.setattr(ReportsClient, "experiment", lambda *_: found)
    options = ("--reports-url", "http://reports", "--secret-key", "sk", *options)
    result = CliRunner().invoke(
        command_line(["experiment", "report"]), ["experiment", "spring", *options]
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_arms_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch, answer("visitor", None))
    assert "control" in shown
    assert "25.00 (20.00 to 30.50)" in shown
    assert "-1.00 (-5.00 to +3.10)" in shown
    assert "WARNING" not in shown
    assert "too narrow" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_mismatch_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch, answer("code", "sample ratio mismatch: look"))
    assert "WARNING: sample ratio mismatch" in shown
    assert "intervals are too narrow" in shown


def test_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answer("visitor", None)
    assert msgspec.json.decode(run(monkeypatch, found, "--json")) == found

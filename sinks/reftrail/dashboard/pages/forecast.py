"""Page of the forecast: signups and cost of the next weeks, and how good earlier forecasts were."""

from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from reftrail.dashboard.cells import table_of
from reftrail.dashboard.charts import LineChart, line_chart
from reftrail.dashboard.dashboard import Dashboard, Panel
from reftrail.dashboard.view import View, view_of
from reftrail.reports.catalogue import find
from reftrail.reports.questions import MOST_WEEKS, USUAL_WEEKS

_REPORT: Final = "forecast"
_LINES: Final = ("History", "Forecast", "At least", "At most")


async def forecast(dashboard: Dashboard, request: Request) -> Response:
    """GET /forecast."""
    view = view_of(request)
    weeks = request.query_params.get("weeks") or str(USUAL_WEEKS)
    longer = view.with_history(find(_REPORT), {"by": "all", "weeks": weeks})
    asked = await dashboard.panel(longer, _REPORT, "Forecast", by="all", weeks=weeks)
    return await dashboard.page(
        request,
        "forecast.html",
        view,
        title="Forecast",
        weeks=weeks,
        most=MOST_WEEKS,
        since=longer.since,
        panels=_panels(asked, longer),
        errors=_errors(asked),
        notes=sorted({row["note"] for row in asked.answer.rows} - {None}),
    )


def _panels(asked: Panel, view: View) -> list[Panel]:
    """Signups, and the cost of each currency by itself."""
    currencies = list(dict.fromkeys(row["currency"] for row in asked.answer.rows))
    if not currencies:
        return [asked]
    found: list[Panel] = []
    for currency in currencies:
        answer = replace(
            asked.answer, rows=[row for row in asked.answer.rows if row["currency"] == currency]
        )
        part = replace(asked, answer=answer, table=table_of(find(_REPORT), answer, view))
        if not found:
            found.append(_charted(part, "Sign-ups", "signups"))
        if currency is not None:
            found.append(_charted(part, f"Reward cost in {currency}", "reward_cost"))
    return found


def _charted(part: Panel, title: str, measure: str) -> Panel:
    return replace(part, title=title, chart=_chart(title, part.answer.rows, measure))


def _chart(title: str, rows: list[dict[str, Any]], measure: str) -> LineChart:
    """History, then forecast and interval, which begin at the last week known."""
    last = max((nth for nth, row in enumerate(rows) if row["part"] == "history"), default=-1)
    ahead = (measure, f"{measure}_low", f"{measure}_high")
    lines = [
        {
            "week": row["week"],
            "History": float(row[measure]) if row["part"] == "history" else None,
        }
        | {
            name: float(row[column]) if nth >= last else None
            for name, column in zip(_LINES[1:], ahead, strict=True)
        }
        for nth, row in enumerate(rows)
    ]
    return line_chart(title, lines, "week", [(name, name) for name in _LINES])


def _errors(asked: Panel) -> list[dict[str, Any]]:
    """The errors of earlier forecasts, of signups and of each currency's cost."""
    found: list[dict[str, Any]] = []
    seen: set[str | None] = set()
    for row in asked.answer.rows:
        if row["part"] != "forecast" or row["currency"] in seen:
            continue
        parts = [] if seen else [("Sign-ups", "signups")]
        if row["currency"] is not None:
            parts.append((f"Reward cost in {row['currency']}", "cost"))
        seen.add(row["currency"])
        found += [
            {"name": name, "tests": row["tests"]}
            | {error: row[f"{column}_{error}"] for error in ("mase", "smape", "coverage")}
            for name, column in parts
        ]
    return found

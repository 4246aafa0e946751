"""Pages of reports, of their SQL, and of the facts behind figures."""

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reftrail.dashboard.dashboard import Dashboard
from reftrail.dashboard.listing import worth
from reftrail.dashboard.view import View, view_of
from reftrail.edge.http_errors import RequestRefused
from reftrail.reports.catalogue import catalogue, find
from reftrail.reports.periods import Granularity
from reftrail.reports.questions import FILTERS, BadQuestion
from reftrail.reports.report_files import Report

MOST_ROWS: Final = 200
_KINDS: Final = (
    *("view", "click", "form_started", "signup", "purchase", "attributed"),
    *("late_touch", "merged", "reward", "adjustment"),
)


async def reports(dashboard: Dashboard, request: Request) -> Response:
    """GET /reports."""
    view = view_of(request)
    found = list(catalogue().values())
    return await dashboard.page(request, "reports.html", view, title="Reports", reports=found)


async def report(dashboard: Dashboard, request: Request) -> Response:
    """GET /reports/{name}."""
    view, found = view_of(request), _found(request.path_params["name"])
    by = request.query_params.get("by") or ",".join(found.usual) or "all"
    compare = request.query_params.get("compare") or ""
    more = {"by": by} | ({"compare": compare} if compare else {})
    longer = view.with_history(found, more)
    panel = await dashboard.panel(longer, found.name, series=_series(found, by), **more)
    return await dashboard.page(
        request,
        "report.html",
        view,
        title=found.title.rstrip("."),
        report=found,
        panel=panel,
        since=longer.since,
        by=by,
        compare=compare,
    )


async def sql(_: Dashboard, request: Request) -> Response:
    """GET /reports/{name}/sql."""
    found = _found(request.path_params["name"])
    return PlainTextResponse(found.sql, headers={"x-content-type-options": "nosniff"})


async def activity(dashboard: Dashboard, request: Request) -> Response:
    """GET /activity."""
    view = view_of(request)
    given = request.query_params.get("kinds", "")
    kinds = [kind for kind in given.split(",") if kind] or list(_KINDS)
    if unknown := [kind for kind in kinds if kind not in _KINDS]:
        raise BadQuestion(f"there is no kind {unknown[0][:40]!r}; choose of {', '.join(_KINDS)}")
    rows = await activity_rows(dashboard, view, kinds)
    return await dashboard.page(
        request,
        "activity.html",
        view,
        title="Facts behind a figure",
        kinds=kinds,
        every_kind=_KINDS,
        rows=rows,
        most=MOST_ROWS,
        worth=worth,
    )


async def activity_rows(
    dashboard: Dashboard, view: View, kinds: list[str]
) -> list[dict[str, object]]:
    """The latest facts of some kinds in a view."""
    since, until = view.bounds()
    filters = dict.fromkeys(FILTERS, "") | dict(view.filters)
    return await dashboard.rows(
        "activity", kinds=kinds, since=since, until=until, most=MOST_ROWS, **filters
    )


def _found(name: str) -> Report:
    try:
        return find(name)
    except BadQuestion as error:
        raise RequestRefused(404, str(error)) from error


def _series(found: Report, by: str) -> tuple[tuple[str, str], ...]:
    """The first counts, where there is one row for each period: others can't be added up."""
    has_keys = any(measure.kind == "key" for measure in found.measures)
    if has_keys or by not in list(Granularity):
        return ()
    counts = [measure for measure in found.measures if measure.kind == "count"]
    return tuple((measure.name, measure.name.replace("_", " ")) for measure in counts[:4])

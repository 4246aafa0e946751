"""Pages for watching: fraud, reconciliation, data quality, and live events."""

from starlette.requests import Request
from starlette.responses import Response

from reftrail.dashboard.dashboard import Dashboard
from reftrail.dashboard.listing import worth
from reftrail.dashboard.rendering import page
from reftrail.dashboard.view import view_of

MOST_EVENTS = 50


async def fraud(dashboard: Dashboard, request: Request) -> Response:
    """GET /fraud."""
    view = view_of(request)
    series = (("rewards_rejected", "Rejected"), ("rewards_held", "Held"))
    panels = [
        await dashboard.panel(view, "fraud", "Reasons", by="all"),
        await dashboard.panel(view, "fraud", "Reasons by campaign", by="campaign"),
        await dashboard.panel(view, "rewards", "Refused rewards", series=series, by=view.unit),
    ]
    return await dashboard.page(request, "panels.html", view, title="Fraud", panels=panels)


async def reconciliation(dashboard: Dashboard, request: Request) -> Response:
    """GET /reconciliation."""
    view = view_of(request)
    panels = [
        await dashboard.panel(view, "reconciliation", "Checks", by="all"),
        await dashboard.panel(view, "payouts", "Pay-outs", by="all"),
    ]
    return await dashboard.page(request, "panels.html", view, title="Reconciliation", panels=panels)


async def quality(dashboard: Dashboard, request: Request) -> Response:
    """GET /quality."""
    view = view_of(request)
    series = (("events", "Events"), ("duplicates", "Duplicates"), ("late", "Late"))
    panels = [
        await dashboard.panel(view, "data_quality", "In this period", by="all", compare="previous"),
        await dashboard.panel(view, "data_quality", "Trend", series=series, by=view.unit),
        await dashboard.panel(view, "late_touches", "Late touches", by="all"),
    ]
    return await dashboard.page(request, "panels.html", view, title="Data quality", panels=panels)


async def live(dashboard: Dashboard, request: Request) -> Response:
    """GET /live."""
    view = view_of(request)
    rows = await dashboard.rows("live", most=MOST_EVENTS)
    return await dashboard.page(
        request, "live.html", view, title="Live events", rows=rows, worth=worth
    )


async def live_rows(dashboard: Dashboard, request: Request) -> Response:
    """GET /live/rows: the table alone, which the page asks for again and again."""
    rows = await dashboard.rows("live", most=MOST_EVENTS)
    return page("live_rows.html", rows=rows, view=view_of(request), worth=worth)

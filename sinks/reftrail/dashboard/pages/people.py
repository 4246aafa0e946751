"""Pages of a code, and of a user as referrer."""

from starlette.requests import Request
from starlette.responses import Response

from reftrail.dashboard.dashboard import Dashboard
from reftrail.dashboard.pages.overview import summary
from reftrail.dashboard.view import FIRST_DAY, view_of
from reftrail.reports.code_spelling import registered_spelling
from reftrail.reports.user_view.history import page as history_page
from reftrail.reports.user_view.view import user_view


async def code(dashboard: Dashboard, request: Request) -> Response:
    """GET /codes/{code}."""
    name = await dashboard.ask(registered_spelling, request.path_params["code"])
    view = view_of(request).narrowed(code=name)
    registered = await dashboard.rows("code", code=name)
    parts = await summary(dashboard, view)
    return await dashboard.page(
        request,
        "code.html",
        view,
        title=f"Code {name}",
        code=name,
        registered=registered[0] if registered else None,
        more=[],
        **parts,
    )


async def user(dashboard: Dashboard, request: Request) -> Response:
    """GET /users/{user}."""
    view = view_of(request)
    asked = history_page(None, request.query_params.get("before"))
    api, name = dashboard.api, request.path_params["user"]
    found = await api.low_latency_turns.run(user_view, api.low_latency, name, asked)
    return await dashboard.page(
        request,
        "user.html",
        view,
        title=f"User {found['user_id']}",
        user=found,
        first_day=FIRST_DAY,
    )

"""Table of the dashboard's routes."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from reftrail.contracts.api_keys import Scope
from reftrail.dashboard.dashboard import Dashboard
from reftrail.dashboard.pages import (
    forecast,
    overview,
    own,
    people,
    reports,
    reviews,
    rewards,
    watching,
)
from reftrail.dashboard.pages.sign_in import SignIn
from reftrail.dashboard.rendering import HTML, static
from reftrail.edge.authorization import Authorization
from reftrail.edge.http_errors import RequestRefused
from reftrail.hosting.routes import OPEN, Access, Endpoint, Handler, needs
from reftrail.reports.routes import BAD, NO_KEY

Page = Callable[[Dashboard, Request], Awaitable[Response]]
_REPORTS: Final = needs(Scope.REPORTS_READ)
_ALL: Final = needs(Scope.REPORTS_READ, Scope.USERS_READ)
_OF_FORM: Final = {
    400: "The form can't be read, or is not of this session.",
    403: "No key that may do this, or a form on another site.",
    408: "The form has not arrived in time.",
    413: "The form is too large.",
    415: "The form is compressed.",
}
_PAGES: Final[tuple[tuple[str, Page, str, Access], ...]] = (
    ("/", overview.overview, "Overview of the programme.", _REPORTS),
    ("/campaigns/{campaign:path}", overview.campaign, "Overview of a campaign.", _ALL),
    ("/codes/{code}", people.code, "A code: registration, key figures, trend.", _ALL),
    ("/users/{user:path}", people.user, "A user: balance, codes, entries.", _ALL),
    ("/reports", reports.reports, "The reports there are.", _REPORTS),
    ("/reports/{name}", reports.report, "A report.", _REPORTS),
    ("/rewards", rewards.rewards, "Rewards.", _ALL),
    ("/rewards/{reward}", rewards.reward, "A reward, and what led to it.", _ALL),
    ("/rewards/{reward}/explanation", rewards.explanation, "Its chain, from the log.", _ALL),
    ("/review", reviews.queue, "Rewards that wait for a review.", _ALL),
    ("/fraud", watching.fraud, "What speaks against rewards.", _REPORTS),
    ("/reconciliation", watching.reconciliation, "Log, ledger and partners compared.", _REPORTS),
    ("/quality", watching.quality, "How good the data is that comes in.", _REPORTS),
    ("/forecast", forecast.forecast, "Signups and cost of the next weeks.", _REPORTS),
    ("/live", watching.live, "The events received last.", _ALL),
    ("/live/rows", watching.live_rows, "Their table alone.", _ALL),
    ("/activity", reports.activity, "The facts behind a figure.", _ALL),
)


def endpoints(dashboard: Dashboard, authorization: Authorization) -> list[Endpoint]:
    """The table of the pages, of what they load, and of signing in."""
    sign_in = SignIn(dashboard, authorization)
    of_links = (dashboard, authorization.keys)
    return [
        *(
            _page("GET", path, partial(made, dashboard), summary, access)
            for path, made, summary, access in _PAGES
        ),
        Endpoint(
            "GET",
            "/reports/{name}/sql",
            partial(reports.sql, dashboard),
            "The SQL of a report.",
            _REPORTS,
            errors=NO_KEY | {404: "There is no report of this name."},
            answers=("text/plain",),
        ),
        _page(
            "POST",
            "/review",
            partial(reviews.decide, dashboard),
            "Decide on a reward.",
            needs(Scope.USERS_READ, Scope.REVIEWS_WRITE),
            303,
        ),
        Endpoint(
            "POST",
            "/v1/users/{user:path}/links",
            partial(own.make_link, dashboard),
            "Links to a user's own page and widget, for whoever has them, until they expire.",
            needs(Scope.USERS_READ),
            bodies=(own.LinkAsked,),
            status=201,
            errors=BAD | {400: "The path is not UTF-8.", 408: _OF_FORM[408], 413: _OF_FORM[413]},
        ),
        _page("GET", "/u/{token}", partial(own.own_page, *of_links), "A user's page.", OPEN),
        _page("GET", "/u/{token}/widget", partial(own.widget, *of_links), "The same, small.", OPEN),
        Endpoint(
            "GET",
            "/u/{token}/qr/{code}",
            partial(own.qr, *of_links),
            "The link to share a user's code by, as a QR code.",
            OPEN,
            errors={404: "There is no such link or code."},
            answers=("image/svg+xml",),
        ),
        _page("GET", "/signin", sign_in.form, "The form for signing in by a key.", OPEN),
        _page("POST", "/signin", sign_in.begin, "Begin a session.", OPEN, 303),
        _page("POST", "/signout", sign_in.end, "End a session.", OPEN, 303),
        Endpoint(
            "GET",
            "/static/{file}",
            _static,
            "Style sheet and scripts of the pages.",
            OPEN,
            errors={404: "There is no such file."},
            answers=("text/css", "text/javascript"),
        ),
    ]


def _page(  # noqa: PLR0913, PLR0917  (a row of the table)
    method: str, path: str, handler: Handler, summary: str, access: Access, status: int = 200
) -> Endpoint:
    errors: dict[int, str] = {} if access.is_open else {**BAD}
    if method == "POST":
        errors |= {429: NO_KEY[429], **_OF_FORM}
    if "{" in path:
        errors[404] = "There is no such page."
    return Endpoint(
        method, path, handler, summary, access, status=status, errors=errors, answers=(HTML,)
    )


async def _static(request: Request) -> Response:
    found = static(request)
    if found is None:
        raise RequestRefused(404, "there is no such file")
    return found

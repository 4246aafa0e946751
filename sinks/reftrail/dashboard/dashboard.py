"""Parts that all pages share: questions to the warehouse, sessions, and answers to browsers."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reftrail.contracts.api_keys import Scope
from reftrail.dashboard.cells import Table, table_of
from reftrail.dashboard.charts import LineChart, line_chart
from reftrail.dashboard.listing import listed
from reftrail.dashboard.rendering import HTML, page
from reftrail.dashboard.sealing import Seal
from reftrail.dashboard.sessions import CSRF_FIELD, Sessions
from reftrail.dashboard.view import View
from reftrail.edge.authorization import admitted
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import PLAIN, encoding_of, read_body
from reftrail.hosting.problems import PROBLEM_JSON
from reftrail.hosting.routes import Endpoint
from reftrail.reports.api import ReportsApi
from reftrail.reports.catalogue import ReportAnswer, find
from reftrail.reports.explain.explanation import Explanation
from reftrail.reports.limits import only_first_of
from reftrail.reports.turns import Turns

SIGN_IN: Final = "/signin"
_UNAUTHORIZED: Final = 401
_MOST_EXPLAINED: Final = 4
MOST_AGE_SECONDS: Final = 900.0
"""How old the facts may be that a page's figures count; it says how old they are."""

T = TypeVar("T")
Explain = Callable[[Mapping[str, Any], str, str], Explanation]
"""Explains, from the log, what a user has earned under a code by their journey; blocks."""


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What the collector has answered to a decision; detail is empty where it was accepted."""

    status: int
    detail: str = ""


SendReview = Callable[[str, dict[str, Any]], Awaitable[ReviewAnswer]]
"""Sends a decision to the collector under a key."""


@dataclass(frozen=True, slots=True)
class DashboardParts:
    """What a host gives the dashboard; links seals those for users.

    Without send_review the review queue is read-only. explain reads the log; without it a reward's
    page has what the warehouse knows alone.
    """

    sessions: Sessions
    links: Seal
    send_review: SendReview | None = None
    explain: Explain | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """The answer of a report: its table, its chart, and where the same is as JSON and CSV."""

    name: str
    title: str
    table: Table
    answer: ReportAnswer
    query: str
    chart: LineChart | None = None

    @property
    def key(self) -> str:
        """A word for ids within a page."""
        return re.sub(r"\W+", "-", self.title.lower())

    @property
    def left_out(self) -> str | None:
        """That the table may have more than is listed, where it may."""
        first = self.answer.only_first
        return None if first is None else only_first_of(first)

    def address(self, answer_format: str) -> str:
        """The address of the answer in a format."""
        return f"/v1/reports/{self.name}?{self.query}&format={answer_format}"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Questions and answers of all pages."""

    api: ReportsApi
    parts: DashboardParts
    log_turns: Turns = field(default_factory=lambda: Turns("explanations", _MOST_EXPLAINED))

    async def panel(
        self,
        view: View,
        report: str,
        title: str = "",
        *,
        series: tuple[tuple[str, str], ...] = (),
        **more: str,
    ) -> Panel:
        """Ask a report. series are columns for a line chart over periods, each with its name."""
        found = find(report)
        question = view.asked(found, more)
        answer = await self.api.answers.answer(found, question, MOST_AGE_SECONDS)
        query = urlencode({**dict(view.fields(found)), **more})
        title = title or found.title.rstrip(".")
        unit = question.unit
        chart = line_chart(title, answer.rows, unit, series) if unit and series else None
        return Panel(report, title, table_of(found, answer, view), answer, query, chart)

    async def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of one of the dashboard's queries."""
        return await self.api.turns.run(partial(listed, self.api.client, query, **parameters))

    async def ask(self, call: Callable[..., T], *arguments: Any) -> T:
        """The result of a call that takes the reports' connection first; it blocks its thread."""
        return await self.api.turns.run(call, self.api.client, *arguments)

    async def page(
        self, request: Request, template: str, view: View | None = None, **values: Any
    ) -> Response:
        """A page for somebody who is signed in."""
        caller = admitted(request)
        campaigns = await self.rows("campaigns") if view and caller else []
        return page(
            template,
            caller=caller,
            csrf=self.parts.sessions.csrf(request),
            may={scope.name.lower() for scope in Scope if caller and scope in caller.scopes},
            path=_path(request),
            view=view,
            campaigns=campaigns,
            as_of=_oldest(self.api.as_of(), values),
            **values,
        )

    def session_key(self, request: Request, endpoint: Endpoint) -> str | None:
        """The key of a browser's session, where the request may come in by it.

        A form's request may, since its handler checks that the form is the session's own.
        """
        if _has_bearer(request):
            return None
        is_read = request.method in ("GET", "HEAD")
        return self.parts.sessions.key_of(request) if is_read or _is_page(endpoint) else None

    def check_signed_in(self, request: Request, endpoint: Endpoint) -> None:
        """Raises `RequestRefused` (401) where a page is opened without any key, good or wrong.

        That is no guess at a key, and counts as none.
        """
        is_opened = _is_page(endpoint) and request.method == "GET" and not endpoint.access.is_open
        if is_opened and "authorization" not in request.headers:
            raise RequestRefused(401, "sign in, or give a key: Authorization: Bearer KEY")

    async def form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form of this session. Raises `RequestRefused` for any other."""
        fields = await form_of(request)
        if not self.parts.sessions.is_own_form(request, fields.get(CSRF_FIELD, "")):
            raise RequestRefused(400, "the form is not of this session; load its page again")
        return fields

    async def for_browser(
        self, request: Request, endpoint: Endpoint, response: Response
    ) -> Response:
        """A problem as a page, where somebody has opened a page; any other response as it is."""
        is_problem = response.media_type == PROBLEM_JSON
        if not is_problem or not _is_page(endpoint) or not _takes_html(request):
            return response
        if response.status_code == _UNAUTHORIZED and request.method == "GET":
            if request.headers.get("sec-fetch-site") == "cross-site":
                return page("from_elsewhere.html")
            asked = _path(request) + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{SIGN_IN}?next={quote(asked, safe='')}", 303)
        said = msgspec.json.decode(response.body)
        made = page("error.html", response.status_code, title=said["title"], detail=said["detail"])
        if again := response.headers.get("retry-after"):
            made.headers["retry-after"] = again
        return made


def _path(request: Request) -> str:
    """The path of a request as it was sent, for links to the same page.

    Without its signs of percent, the page about a user `a%2Fb` would lead to that of `a/b`.
    """
    sent: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    return quote(sent, safe="/%")


def _oldest(as_of: str | None, values: Mapping[str, Any]) -> str | None:
    """The time up to which everything is counted in all of a page's panels."""
    found = (as_of, *(panel.answer.as_of for value in values.values() for panel in _panels(value)))
    known = [text for text in found if text is not None]
    return min(known) if len(known) == len(found) else None


def _panels(value: Any) -> Iterator[Panel]:
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, Panel):
            yield part


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a form, each once. Raises `RequestRefused`; no browser compresses a form."""
    if encoding_of(request) != PLAIN:
        raise RequestRefused(415, "send the form as it is, without Content-Encoding")
    body = (await read_body(request)).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=50)
    except ValueError as error:
        raise RequestRefused(400, f"the form can't be read: {error}") from error
    return {name: values[0] for name, values in fields.items()}


def _is_page(endpoint: Endpoint) -> bool:
    return endpoint.answers == (HTML,)


def _has_bearer(request: Request) -> bool:
    return request.headers.get("authorization", "").partition(" ")[0].lower() == "bearer"


def _takes_html(request: Request) -> bool:
    return HTML in request.headers.get("accept", "")

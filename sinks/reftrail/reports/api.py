"""HTTP API of the reports.

A caller's key has been checked before a handler here is called.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reftrail.hosting.routes import Endpoint, Handler, Parameter
from reftrail.reports.catalogue import ask, catalogue, find
from reftrail.reports.code_counters import LONGEST_CODE, code_counters
from reftrail.reports.code_review import code_activity, code_guesses
from reftrail.reports.explain.journey import journey
from reftrail.reports.held import MOST as MOST_HELD
from reftrail.reports.held import USUAL as USUALLY_HELD
from reftrail.reports.held import Wanted, held_rewards, most_of
from reftrail.reports.leaderboard import USUAL as USUAL_LEADERS
from reftrail.reports.leaderboard import Board, leaderboard
from reftrail.reports.questions import DIMENSIONS, BadQuestion, question
from reftrail.reports.rendering import AnswerFormat, as_csv, as_json, as_table
from reftrail.reports.user_view.history import MOST as MOST_ENTRIES
from reftrail.reports.user_view.history import USUAL as USUAL_ENTRIES
from reftrail.reports.user_view.history import page
from reftrail.reports.user_view.view import user_view

_JSON: Final = "application/json"
NO_KEY: Final = {401: "No known secret key."}
"""The error of every route under /v1/."""
_BAD: Final = NO_KEY | {422: "What is asked can't be answered; error says what can."}
_FROM: Final = Parameter("from", meaning="Included: a date (UTC), or a time with its zone.")
_TO: Final = Parameter("to", meaning="Excluded: a date (UTC), or a time with its zone.")
_REPORT: Final = (
    Parameter(
        "by",
        meaning="What there is a row for: several, also comma separated.",
        schema={
            "type": "array",
            "items": {"type": "string", "enum": list(DIMENSIONS)},
            "default": ["campaign"],
        },
    ),
    _FROM,
    _TO,
    Parameter(
        "format",
        schema={"type": "string", "enum": list(AnswerFormat), "default": AnswerFormat.JSON},
    ),
)


def _limit(usual: int, most: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter("limit", schema=schema)


def answered(body: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(body), status, media_type=_JSON)


def explained(endpoint: Endpoint) -> Handler:
    """A handler that answers 422 where it raises `BadQuestion`."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint.handler(request)
        except BadQuestion as error:
            return answered({"error": str(error)}, 422)

    return answer


@dataclass(frozen=True, slots=True)
class ReportsApi:
    """Handlers of the reports' routes.

    low_latency is a connection for what is looked up while a person waits, client for the rest;
    each answers one question at a time. as_of gives the time up to which everything is counted.
    """

    client: Client
    low_latency: Client
    as_of: Callable[[], str | None]

    async def reports(self, _: Request) -> Response:
        """GET /v1/reports."""
        return answered({"dimensions": list(DIMENSIONS), "reports": _listed()})

    async def report(self, request: Request) -> Response:
        """GET /v1/reports/{name}."""
        try:
            report = find(request.path_params["name"])
        except BadQuestion as error:
            return answered({"error": str(error)}, 404)
        query = request.query_params
        asked = question(query.getlist("by"), query.get("from"), query.get("to"))
        given = _format(query.get("format", AnswerFormat.JSON))
        answer = await asyncio.to_thread(ask, self.client, report, asked, self.as_of())
        match given:
            case AnswerFormat.JSON:
                return Response(as_json(answer), media_type=_JSON)
            case AnswerFormat.CSV:
                return PlainTextResponse(as_csv(answer), media_type="text/csv")
            case AnswerFormat.TABLE:
                return PlainTextResponse(as_table(report, answer))

    async def journey(self, request: Request) -> Response:
        """GET /v1/journeys."""
        query = request.query_params
        code, user = query.get("code"), query.get("user")
        if not code or not user:
            raise BadQuestion("give both code and user")
        found = await asyncio.to_thread(journey, self.client, code, user)
        return answered({"as_of": self.as_of(), **found})

    async def counters(self, request: Request) -> Response:
        """GET /v1/codes/{code}/counters."""
        code = request.path_params["code"]
        if len(code) > LONGEST_CODE:
            raise BadQuestion(f"codes have at most {LONGEST_CODE} characters")
        as_of = self.as_of()
        counted = await asyncio.to_thread(code_counters, self.client, code)
        return answered({"as_of": as_of, **counted})

    async def code_review(self, request: Request) -> Response:
        """GET /v1/codes/review."""
        since = question((), request.query_params.get("from"), None).since
        as_of = self.as_of()
        activity = await asyncio.to_thread(code_activity, self.client)
        guesses = await asyncio.to_thread(code_guesses, self.client, since)
        return answered({"as_of": as_of, "activity": activity, "guesses": guesses})

    async def held(self, request: Request) -> Response:
        """GET /v1/reviews."""
        query = request.query_params
        most = most_of(query.get("limit"))
        code, user, campaign = (query.get(name, "") for name in ("code", "user", "campaign"))
        as_of = self.as_of()
        wanted = Wanted(code, user, campaign, most)
        found = await asyncio.to_thread(held_rewards, self.client, wanted)
        return answered({"as_of": as_of, "held": found})

    async def leaderboard(self, request: Request) -> Response:
        """GET /v1/leaderboard."""
        query = request.query_params
        most = most_of(query.get("limit"), USUAL_LEADERS)
        asked = question((), query.get("from"), query.get("to"))
        as_of = self.as_of()
        board = Board(query.get("campaign", ""), asked.since, asked.until, most)
        found = await asyncio.to_thread(leaderboard, self.client, board)
        return answered({"as_of": as_of, "leaders": found})

    async def user(self, request: Request) -> Response:
        """GET /v1/users/{user}/rewards."""
        query = request.query_params
        asked = page(query.get("limit"), query.get("before"))
        as_of = self.as_of()
        user = request.path_params["user"]
        found = await asyncio.to_thread(user_view, self.low_latency, user, asked)
        return answered({"as_of": as_of, **found})


def endpoints(api: ReportsApi) -> list[Endpoint]:
    """The table of the reports' routes."""
    return [
        Endpoint(
            "GET",
            "/v1/reports",
            api.reports,
            "The reports there are, and what each of their measures means.",
            errors=NO_KEY,
        ),
        Endpoint(
            "GET",
            "/v1/reports/{name}",
            api.report,
            "A report.",
            parameters=_REPORT,
            errors=_BAD | {404: "There is no report of this name."},
            answers=("application/json", "text/csv", "text/plain"),
        ),
        Endpoint(
            "GET",
            "/v1/journeys",
            api.journey,
            "What is known of a user and a code.",
            parameters=(Parameter("code", is_required=True), Parameter("user", is_required=True)),
            errors=_BAD,
        ),
        Endpoint(
            "GET",
            "/v1/codes/{code}/counters",
            api.counters,
            f"What has happened under a code, which has at most {LONGEST_CODE} characters.",
            errors=_BAD,
        ),
        Endpoint(
            "GET",
            "/v1/codes/review",
            api.code_review,
            "Data for a review of codes: the activity of each, and guesses at codes.",
            parameters=(_FROM,),
            errors=_BAD,
        ),
        Endpoint(
            "GET",
            "/v1/reviews",
            api.held,
            "Held rewards, the most urgent first.",
            parameters=(
                *map(Parameter, ("code", "user", "campaign")),
                _limit(USUALLY_HELD, MOST_HELD),
            ),
            errors=_BAD,
        ),
        Endpoint(
            "GET",
            "/v1/leaderboard",
            api.leaderboard,
            "Referrers by how many users they brought whose reward counts, with tiers and badges.",
            parameters=(Parameter("campaign"), _FROM, _TO, _limit(USUAL_LEADERS, MOST_HELD)),
            errors=_BAD,
        ),
        Endpoint(
            "GET",
            "/v1/users/{user:path}/rewards",
            api.user,
            "What a user has earned.",
            parameters=(
                _limit(USUAL_ENTRIES, MOST_ENTRIES),
                Parameter("before", meaning="What the page before says as next."),
            ),
            errors=_BAD,
        ),
    ]


def _listed() -> list[dict[str, Any]]:
    return [
        {
            "name": report.name,
            "title": report.title,
            "measures": [
                {"name": one.name, "kind": one.kind, "meaning": one.meaning}
                for one in report.measures
            ],
        }
        for report in catalogue().values()
    ]


def _format(given: str) -> AnswerFormat:
    try:
        return AnswerFormat(given)
    except ValueError:
        raise BadQuestion(
            f"there is no format {given!r}; choose of {', '.join(AnswerFormat)}"
        ) from None

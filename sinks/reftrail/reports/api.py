"""The reports over HTTP.

`/v1/reports`, `/v1/reports/{name}`, `/v1/journeys`, `/v1/codes/{code}/counters`,
`/v1/codes/review`, `/v1/reviews`, `/v1/leaderboard` and `/v1/users/{user}/rewards`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reftrail.reports.catalogue import ask, catalogue, find
from reftrail.reports.code_counters import LONGEST_CODE, code_counters
from reftrail.reports.code_review import code_activity, code_guesses
from reftrail.reports.explain.journey import journey
from reftrail.reports.held import Wanted, held_rewards, most_of
from reftrail.reports.leaderboard import USUAL as USUAL_LEADERS
from reftrail.reports.leaderboard import Board, leaderboard
from reftrail.reports.questions import DIMENSIONS, BadQuestion, question
from reftrail.reports.rendering import Format, as_csv, as_json, as_table
from reftrail.reports.user_view.history import page
from reftrail.reports.user_view.view import user_view

_JSON: Final = "application/json"


def answered(body: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(body), status, media_type=_JSON)


def routes(client: Client, quick: Client, as_of: Callable[[], str | None]) -> list[Route]:
    """The routes, which expect that someone has looked at the caller's key already.

    quick is a connection for what is looked up while somebody waits, client for the rest.
    """

    async def every(request: Request) -> Response:  # noqa: ARG001
        return answered({"dimensions": list(DIMENSIONS), "reports": _listed()})

    async def one(request: Request) -> Response:
        try:
            report = find(request.path_params["name"])
        except BadQuestion as error:
            return answered({"error": str(error)}, 404)
        query = request.query_params
        try:
            asked = question(query.getlist("by"), query.get("from"), query.get("to"))
            given = _format(query.get("format", Format.JSON))
        except BadQuestion as error:
            return answered({"error": str(error)}, 422)
        answer = await asyncio.to_thread(ask, client, report, asked, as_of())
        match given:
            case Format.JSON:
                return Response(as_json(answer), media_type=_JSON)
            case Format.CSV:
                return PlainTextResponse(as_csv(answer), media_type="text/csv")
            case Format.TABLE:
                return PlainTextResponse(as_table(report, answer))

    async def of_user(request: Request) -> Response:
        query = request.query_params
        code, user = query.get("code"), query.get("user")
        if not code or not user:
            return answered({"error": "give both code and user"}, 422)
        found = await asyncio.to_thread(journey, client, code, user)
        return answered({"as_of": as_of(), **found})

    return [
        Route("/v1/reports", every),
        Route("/v1/reports/{name}", one),
        Route("/v1/journeys", of_user),
        _counters(client, as_of),
        _review(client, as_of),
        _held(client, as_of),
        _leaders(client, as_of),
        _user(quick, as_of),
    ]


def _counters(client: Client, as_of: Callable[[], str | None]) -> Route:
    async def of_code(request: Request) -> Response:
        code = request.path_params["code"]
        if len(code) > LONGEST_CODE:
            return answered({"error": f"codes have at most {LONGEST_CODE} characters"}, 422)
        until = as_of()
        return answered({"as_of": until, **await asyncio.to_thread(code_counters, client, code)})

    return Route("/v1/codes/{code}/counters", of_code)


def _review(client: Client, as_of: Callable[[], str | None]) -> Route:
    async def of_all_codes(request: Request) -> Response:
        try:
            since = question((), request.query_params.get("from"), None).since
        except BadQuestion as error:
            return answered({"error": str(error)}, 422)
        until = as_of()
        activity = await asyncio.to_thread(code_activity, client)
        guesses = await asyncio.to_thread(code_guesses, client, since)
        return answered({"as_of": until, "activity": activity, "guesses": guesses})

    return Route("/v1/codes/review", of_all_codes)


def _held(client: Client, as_of: Callable[[], str | None]) -> Route:
    async def held(request: Request) -> Response:
        query = request.query_params
        try:
            most = most_of(query.get("limit"))
        except BadQuestion as error:
            return answered({"error": str(error)}, 422)
        code, user, campaign = (query.get(name, "") for name in ("code", "user", "campaign"))
        until = as_of()
        wanted = Wanted(code, user, campaign, most)
        found = await asyncio.to_thread(held_rewards, client, wanted)
        return answered({"as_of": until, "held": found})

    return Route("/v1/reviews", held)


def _leaders(client: Client, as_of: Callable[[], str | None]) -> Route:
    async def leaders(request: Request) -> Response:
        query = request.query_params
        try:
            most = most_of(query.get("limit"), USUAL_LEADERS)
            asked = question((), query.get("from"), query.get("to"))
        except BadQuestion as error:
            return answered({"error": str(error)}, 422)
        until = as_of()
        board = Board(query.get("campaign", ""), asked.since, asked.until, most)
        found = await asyncio.to_thread(leaderboard, client, board)
        return answered({"as_of": until, "leaders": found})

    return Route("/v1/leaderboard", leaders)


def _user(client: Client, as_of: Callable[[], str | None]) -> Route:
    async def rewards(request: Request) -> Response:
        query = request.query_params
        try:
            asked = page(query.get("limit"), query.get("before"))
        except BadQuestion as error:
            return answered({"error": str(error)}, 422)
        until = as_of()
        user = request.path_params["user"]
        return answered({"as_of": until, **await asyncio.to_thread(user_view, client, user, asked)})

    return Route("/v1/users/{user:path}/rewards", rewards)


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


def _format(given: str) -> Format:
    try:
        return Format(given)
    except ValueError:
        raise BadQuestion(f"there is no format {given!r}; choose of {', '.join(Format)}") from None

"""HTTP API of the reports.

A caller's key and its scopes have been checked before a handler here is called.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_hex
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from starlette.requests import Request
from starlette.responses import Response

from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.problems import problem
from reftrail.hosting.routes import Endpoint, Handler
from reftrail.reports.answers import ReportAnswers
from reftrail.reports.catalogue import ReportAnswer, catalogue, find
from reftrail.reports.code_counters import LONGEST_CODE, code_counters
from reftrail.reports.code_review import code_activity, code_guesses
from reftrail.reports.experiment import ExperimentAsked, experiment
from reftrail.reports.explain.journey import journey
from reftrail.reports.formats import format_of
from reftrail.reports.held import Wanted, held_rewards, most_of, waiting_adjustments
from reftrail.reports.kept_answers import Source
from reftrail.reports.leaderboard import USUAL as USUAL_LEADERS
from reftrail.reports.leaderboard import Board, leaderboard
from reftrail.reports.parameters import asked
from reftrail.reports.placed_facts import Placed
from reftrail.reports.questions import (
    DIMENSIONS,
    BadQuestion,
    check_once,
    number_from,
    question,
)
from reftrail.reports.rendering import AnswerFormat
from reftrail.reports.turns import RETRY_AFTER, Crowded, Turns
from reftrail.reports.user_view.history import page
from reftrail.reports.user_view.view import user_view

_MOST_REPORTS: Final = 16
_MOST_LOOKUPS: Final = 256
"""How many questions wait for their turn."""
MOST_AGE: Final = 86_400
"""Seconds that an answer may be old, at most."""
_ONCE: Final = ("format", "max_age")
"""Parameters of a request for a report beside those of its question."""
_STARTED: Final = token_hex(8)
"""Part of tags: another version may answer something else of the same tables."""
ONLY_FIRST: Final = "reftrail-only-first"
"""Header of an answer: how many of a list it has at most, if there may be more."""


def _cut(answer: ReportAnswer) -> Iterator[tuple[str, str]]:
    """A header that says so, where a CSV file has only the first of a list."""
    if answer.only_first is not None:
        yield ONLY_FIRST, str(answer.only_first)


def explained(endpoint: Endpoint) -> Handler:
    """A handler that answers 422 where it raises `BadQuestion`, and 503 for `Crowded`."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint.handler(request)
        except BadQuestion as error:
            return problem(422, str(error))
        except Crowded:
            again = {"retry-after": str(RETRY_AFTER)}
            return problem(503, "too many questions wait; ask again", again)

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
    turns: Turns
    answers: ReportAnswers
    placed: Placed
    low_latency_turns: Turns = field(default_factory=lambda: Turns("lookups", _MOST_LOOKUPS))

    async def reports(self, _: Request) -> Response:
        """GET /v1/reports."""
        return json_answer({"dimensions": list(DIMENSIONS), "reports": _listed()})

    async def report(self, request: Request) -> Response:
        """GET /v1/reports/{name}."""
        try:
            report = find(request.path_params["name"])
        except BadQuestion as error:
            return problem(404, str(error))
        query = request.query_params
        for name in _ONCE:
            check_once(name, query.getlist(name))
        names = [name for name in query if name not in _ONCE]
        age = query.get("max_age")
        max_age = 0 if age is None else number_from("max_age", age, MOST_AGE, least=0)
        wanted = asked(report, {name: query.getlist(name) for name in names})
        media_type, written = format_of(query.get("format", AnswerFormat.JSON))
        known = request.headers.get("if-none-match", "")

        def is_known(source: Source) -> bool:
            tag = _headers(request, source).get("etag")
            return tag is not None and (known == "*" or tag in known)

        found = await self.answers.find(report, wanted, max_age, is_known)
        headers = _headers(request, found.source)
        if found.answer is None:
            return Response(status_code=304, headers=headers)
        headers |= dict(_cut(found.answer))
        return Response(written(report, found.answer), headers=headers, media_type=media_type)

    async def journey(self, request: Request) -> Response:
        """GET /v1/journeys."""
        query = request.query_params
        code, user = query.get("code"), query.get("user")
        if not code or not user:
            raise BadQuestion("give both code and user")
        found = await self.turns.run(journey, self.client, code, user)
        return json_answer({"as_of": self.as_of(), **found})

    async def counters(self, request: Request) -> Response:
        """GET /v1/codes/{code}/counters."""
        code = request.path_params["code"]
        if len(code) > LONGEST_CODE:
            raise BadQuestion(f"codes have at most {LONGEST_CODE} characters")
        as_of = self.as_of()
        counted = await self.turns.run(code_counters, self.client, code)
        return json_answer({"as_of": as_of, **counted})

    async def code_review(self, request: Request) -> Response:
        """GET /v1/codes/review."""
        since = question((), request.query_params.get("from"), None).since
        as_of = self.as_of()
        activity = await self.turns.run(code_activity, self.client)
        guesses = await self.turns.run(code_guesses, self.client, since)
        return json_answer({"as_of": as_of, "activity": activity, "guesses": guesses})

    async def held(self, request: Request) -> Response:
        """GET /v1/reviews."""
        wanted, as_of = _wanted(request), self.as_of()
        found = await self.turns.run(held_rewards, self.client, wanted)
        return json_answer({"as_of": as_of, "held": found})

    async def adjustments(self, request: Request) -> Response:
        """GET /v1/adjustments."""
        wanted, as_of = _wanted(request), self.as_of()
        found = await self.turns.run(waiting_adjustments, self.client, wanted)
        return json_answer({"as_of": as_of, "waiting": found})

    async def leaderboard(self, request: Request) -> Response:
        """GET /v1/leaderboard."""
        query = request.query_params
        most = most_of(query.get("limit"), USUAL_LEADERS)
        period = question((), query.get("from"), query.get("to"))
        as_of = self.as_of()
        board = Board(query.get("campaign", ""), period.since, period.until, most)
        found = await self.turns.run(leaderboard, self.client, board)
        return json_answer({"as_of": as_of, "leaders": found})

    async def experiment(self, request: Request) -> Response:
        """GET /v1/experiments/{campaign}."""
        query = request.query_params
        period = question((), query.get("from"), query.get("to"))
        as_of = self.as_of()
        scope = ExperimentAsked(request.path_params["campaign"], period.since, period.until)
        found = await self.turns.run(experiment, self.client, scope)
        return json_answer({"as_of": as_of, **found})

    async def user(self, request: Request) -> Response:
        """GET /v1/users/{user}/rewards."""
        query = request.query_params
        wanted = page(query.get("limit"), query.get("before"))
        as_of = self.as_of()
        user = request.path_params["user"]
        found = await self.low_latency_turns.run(user_view, self.low_latency, user, wanted)
        return json_answer({"as_of": as_of, **found})


def reports_api(
    client: Client, low_latency: Client, as_of: Callable[[], str | None], placed: Placed
) -> ReportsApi:
    """Handlers whose reports read what is placed where that is new enough, else views."""
    turns = Turns("reports", _MOST_REPORTS)
    answers = ReportAnswers(client, as_of, placed, turns)
    return ReportsApi(client, low_latency, as_of, turns, answers, placed)


def _wanted(request: Request) -> Wanted:
    """The query's selection of what waits. Raises `BadQuestion`."""
    query = request.query_params
    most = most_of(query.get("limit"))
    code, user, campaign = (query.get(name, "") for name in ("code", "user", "campaign"))
    return Wanted(code, user, campaign, most)


def _listed() -> list[dict[str, Any]]:
    return [
        {
            "name": report.name,
            "title": report.title,
            "dimensions": list(report.dimensions),
            "filters": list(report.filters),
            "by": list(report.usual),
            "measures": [
                {"name": measure.name, "kind": measure.kind, "meaning": measure.meaning}
                for measure in report.measures
            ],
        }
        for report in catalogue().values()
    ]


def _headers(request: Request, source: Source) -> dict[str, str]:
    """as_of, for formats that have no place for it, and a tag of what the answer is made of.

    as_of goes on while nothing is loaded, so it is part of the tag only where nothing else says
    what the tables have. Until all has been loaded once there is neither: answers grow from one
    moment to the next.
    """
    if source.as_of is None:
        return {}
    made_of = source.content or source.as_of
    asked = f"{_STARTED} {made_of} {request.url.path}?{request.url.query}"
    tag = sha256(asked.encode("utf-8", "replace")).hexdigest()[:32]
    return {"x-as-of": source.as_of, "etag": f'W/"{tag}"', "cache-control": "private, no-cache"}

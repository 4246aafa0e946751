"""HTTP API of the reports.

A caller's key and its scopes have been checked before a handler here is called.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, TypeAlias, TypeVar

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from starlette.requests import Request
from starlette.responses import Response

from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.problems import problem
from reftrail.hosting.routes import Endpoint, Handler
from reftrail.reports.catalogue import ReportAnswer, ask, catalogue, find
from reftrail.reports.code_counters import LONGEST_CODE, code_counters
from reftrail.reports.code_review import code_activity, code_guesses
from reftrail.reports.experiment import ExperimentAsked, experiment
from reftrail.reports.explain.journey import journey
from reftrail.reports.formats import format_of
from reftrail.reports.held import Wanted, held_rewards, most_of, waiting_adjustments
from reftrail.reports.kept_answers import KeptAnswers
from reftrail.reports.leaderboard import USUAL as USUAL_LEADERS
from reftrail.reports.leaderboard import Board, leaderboard
from reftrail.reports.parameters import asked
from reftrail.reports.placed_facts import NothingPlaced, Placed, PlacedFacts, are_missing
from reftrail.reports.questions import (
    DIMENSIONS,
    BadQuestion,
    Question,
    check_once,
    number_from,
    question,
)
from reftrail.reports.rendering import AnswerFormat
from reftrail.reports.report_files import Report
from reftrail.reports.turns import RETRY_AFTER, Crowded, Turns
from reftrail.reports.user_view.history import page
from reftrail.reports.user_view.view import user_view

T = TypeVar("T")

_MOST_REPORTS: Final = 16
_MOST_LOOKUPS: Final = 256
"""How many questions wait for their turn."""
MOST_AGE: Final = 86_400
"""Seconds that an answer may be old, at most."""
_ONCE: Final = ("format", "max_age")
"""Parameters of a request for a report beside those of its question."""
ONLY_FIRST: Final = "reftrail-only-first"
"""Header of an answer: how many of a list it has at most, if there may be more."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What an answer is made of: placed facts or, without them, views. content as in the former."""

    as_of: str | None
    content: str
    placed: PlacedFacts | None


_Answered: TypeAlias = tuple[ReportAnswer | None, dict[str, str]]
"""An answer and its headers; None if the caller has it."""


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
    Reports read what is placed where that is new enough.
    """

    client: Client
    low_latency: Client
    as_of: Callable[[], str | None]
    placed: Placed = field(default_factory=NothingPlaced)
    kept: KeptAnswers = field(default_factory=KeptAnswers)
    turns: Turns = field(default_factory=lambda: Turns("reports", _MOST_REPORTS))
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
        max_age = number_from("max_age", age, MOST_AGE) if age is not None else 0
        wanted = asked(report, {name: query.getlist(name) for name in names})
        media_type, written = format_of(query.get("format", AnswerFormat.JSON))
        known = request.headers.get("if-none-match", "")

        def unless_known(source: _Source) -> _Answered:
            headers = _tag(request, source)
            if "etag" in headers and (known == "*" or headers["etag"] in known):
                return None, headers
            return self._of(source, report, wanted), headers

        answer, headers = await self.turns.run(self._answered, max_age, unless_known)
        if answer is None:
            return Response(status_code=304, headers=headers)
        headers |= dict(_cut(answer))
        return Response(written(report, answer), headers=headers, media_type=media_type)

    async def answer(self, report: Report, wanted: Question, max_age: float = 0) -> ReportAnswer:
        """The answer of a report, of facts that are at most so many seconds old."""

        def of(source: _Source) -> ReportAnswer:
            return self._of(source, report, wanted)

        return await self.turns.run(self._answered, max_age, of)

    def _answered(self, max_age: float, answer: Callable[[_Source], T]) -> T:
        """The answer of facts that are placed, else of views, also if the former were dropped."""
        placed = self.placed.facts(self.client, max_age)
        if placed is not None:
            try:
                return answer(_Source(placed.as_of, placed.content, placed))
            except DatabaseError as error:
                if not are_missing(error):
                    raise
                self.placed.forget(placed)
        return answer(_Source(self.as_of(), self.placed.content(self.client), None))

    def _of(self, source: _Source, report: Report, wanted: Question) -> ReportAnswer:
        placed = source.placed
        if placed is None:
            return ask(self.client, report, wanted, source.as_of)
        answer = self.kept.get(placed, report.name, wanted)
        if answer is None:
            answer = ask(self.client, report, wanted, placed.as_of, placed)
            self.kept.keep(placed, report.name, wanted, answer)
        return answer

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


def _tag(request: Request, source: _Source) -> dict[str, str]:
    """as_of, for formats that have no place for it, and a tag of what the answer is made of.

    Until all has been loaded once there is neither: answers grow from one moment to the next.
    """
    if source.as_of is None:
        return {}
    asked = f"{source.as_of} {source.content} {request.url.path}?{request.url.query}"
    tag = sha256(asked.encode("utf-8", "replace")).hexdigest()[:32]
    return {"x-as-of": source.as_of, "etag": f'W/"{tag}"', "cache-control": "private, no-cache"}

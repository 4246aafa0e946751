"""Routes for analysts: queries in SQL and exports."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from clickhouse_connect.driver.client import Client
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from reftrail.contracts.api_keys import Scope
from reftrail.edge.requests import BODY_SECONDS, MAX_BYTES, read_body
from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.routes import Endpoint, Parameter, needs
from reftrail.reports.analysts.export import Export, ExportFormat, exported
from reftrail.reports.analysts.sql_query import SqlAnswer, answer
from reftrail.reports.placed_facts import NothingPlaced, Placed
from reftrail.reports.questions import BEGINNING, END, BadQuestion, check_once, question
from reftrail.reports.turns import Turns

_OF_BODY: Final = {
    408: f"The body has not arrived within {BODY_SECONDS:g} s.",
    413: f"More than {MAX_BYTES} bytes.",
    415: "The body is compressed.",
}
_OF_EXPORT: Final = ("format", "from", "to")
_MOST_WAITING: Final = 16
_ALL: Final = needs(Scope.REPORTS_READ, Scope.USERS_READ)
"""Tables name users."""
_MEDIA: Final = {
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.CSV: "text/csv; charset=utf-8",
}

T = TypeVar("T")


class SqlAsked(BaseModel):
    """Body of a request for SQL."""

    query: str


@dataclass(frozen=True, slots=True)
class Analysts:
    """Handlers of the routes for analysts.

    sql is a read-only connection with limits, export one for reading: each answers one question at
    a time. views are those that can be exported, scratch is a directory for files of ClickHouse in
    this process, None with a server. as_of gives the time up to which everything is counted. placed
    has facts that SQL may read in place of a view.
    """

    sql: Client
    export: Client
    views: Sequence[str]
    scratch: Path | None
    as_of: Callable[[], str | None]
    placed: Placed = field(default_factory=NothingPlaced)
    turns: Turns = field(default_factory=lambda: Turns("sql", _MOST_WAITING))
    threads: Executor = field(default_factory=lambda: ThreadPoolExecutor(_MOST_WAITING, "exports"))
    """Exports wait for each other in these: the loop's own threads load, and say what is ready."""

    async def ask(self, request: Request) -> Response:
        """POST /v1/sql."""
        try:
            asked = SqlAsked.model_validate_json(await read_body(request))
        except ValidationError:
            raise BadQuestion('give a body like {"query": "SELECT 1"}') from None
        as_of = self.as_of()
        found = await self.turns.run(self._answer, asked.query)
        body = {"as_of": as_of, "columns": found.columns, "rows": found.rows}
        return json_answer(body)

    def _answer(self, query: str) -> SqlAnswer:
        return answer(self.sql, query, self.placed.facts(self.sql, 0))

    async def exported(self, request: Request) -> Response:
        """GET /v1/exports/{view}."""
        asked = _asked(request, self.views)
        closing = ExitStack()
        file = await self._in_thread(
            closing.enter_context, exported(self.export, asked, self.scratch)
        )
        headers = {"x-as-of": as_of} if (as_of := self.as_of()) else {}
        if file.size is not None:
            headers["content-length"] = str(file.size)

        async def chunks() -> AsyncIterator[bytes]:
            try:
                while chunk := await self._in_thread(next, file.chunks, b""):
                    yield chunk
            finally:
                await asyncio.to_thread(closing.close)

        return StreamingResponse(chunks(), headers=headers, media_type=_MEDIA[asked.format])

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, call, *arguments)


def endpoints(analysts: Analysts, errors: dict[int, str]) -> list[Endpoint]:
    """The table of the routes for analysts."""
    formats: dict[str, Any] = {
        "type": "string",
        "enum": list(ExportFormat),
        "default": ExportFormat.PARQUET,
    }
    return [
        Endpoint(
            "POST",
            "/v1/sql",
            analysts.ask,
            "The rows of a SELECT over tables and views of the warehouse, read-only.",
            _ALL,
            bodies=(SqlAsked,),
            errors=errors | _OF_BODY,
        ),
        Endpoint(
            "GET",
            "/v1/exports/{view}",
            analysts.exported,
            "All rows of a view, or those of a period, as a file.",
            _ALL,
            parameters=(
                Parameter("format", schema=formats),
                Parameter("from", meaning="Included: a date (UTC), or a time with its zone."),
                Parameter("to", meaning="Excluded: a date (UTC), or a time with its zone."),
            ),
            errors=errors,
            answers=tuple(media.partition(";")[0] for media in _MEDIA.values()),
        ),
    ]


def _asked(request: Request, views: Sequence[str]) -> Export:
    view, query = request.path_params["view"], request.query_params
    if view not in views:
        raise BadQuestion(f"there is no view {view!r}; there are {', '.join(views)}")
    for name in query:
        if name not in _OF_EXPORT:
            raise BadQuestion(f"there is no parameter {name!r}; there are {', '.join(_OF_EXPORT)}")
        check_once(name, query.getlist(name))
    period = question((), query.get("from"), query.get("to"))
    given = query.get("format", ExportFormat.PARQUET)
    if given not in list(ExportFormat):
        raise BadQuestion(f"there is no format {given!r}; choose of {', '.join(ExportFormat)}")
    return Export(
        view,
        ExportFormat(given),
        None if period.since == BEGINNING else period.since,
        None if period.until == END else period.until,
    )

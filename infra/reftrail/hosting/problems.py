"""Errors of HTTP APIs as problem details: https://www.rfc-editor.org/rfc/rfc9457."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_log = logging.getLogger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
_ADVICE: Final = {
    404: "there is no such route; GET /v1/openapi.json lists those there are",
    405: "the route isn't there under this method; Allow says under which",
}


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """An error: detail tells its receiver what to do; more are further members that aren't None."""
    members = {name: value for name, value in more.items() if value is not None}
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return Response(_encoded(body), status, headers=headers, media_type=PROBLEM_JSON)


def _encoded(body: Mapping[str, Any]) -> bytes:
    """The body as JSON. What it repeats of a request may have half of a surrogate pair."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return msgspec.json.encode({name: _escaped(value) for name, value in body.items()})


def _escaped(value: Any) -> Any:
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


async def unexpected(request: Request, error: Exception) -> Response:
    """The answer to a request whose handler failed; the log has the error."""
    _log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "internal error; the server's log says more")


async def http_problem(_: Request, error: Exception) -> Response:
    """The answer to a request that no route is for."""
    assert isinstance(error, HTTPException)
    detail = _ADVICE.get(error.status_code, str(error.detail))
    return problem(error.status_code, detail, headers=error.headers)

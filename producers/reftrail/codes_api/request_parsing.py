"""Parsing of requests about codes: body, query, actor and reason."""

import re
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from reftrail.codes.model import By
from reftrail.codes_api.idempotency import RequestId
from reftrail.edge.authorization import caller_of
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import read_body, read_json

_LONGEST_HEADER: Final = 128
_PRINTABLE: Final = re.compile(rf"[\x20-\x7e]{{1,{_LONGEST_HEADER}}}")

M = TypeVar("M", bound=BaseModel)


def parsed(model: type[M], body: bytes) -> M:
    """A body as a model; an empty body is an empty object. Raises `RequestRefused`."""
    if body:
        read_json(body)  # pydantic's parser takes the last of repeated keys
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise _refused(error) from error


async def read(request: Request, model: type[M]) -> M:
    """The body of a request as a model. Raises `RequestRefused`."""
    return parsed(model, await read_body(request))


def queried(request: Request, model: type[M]) -> M:
    """The query of a request as a model. Raises `RequestRefused`."""
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise RequestRefused(
            422, f"{twice[0][:40]} is given twice", pointer=f"/{_escaped(twice[0])}"
        )
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        raise _refused(error) from error


def by(request: Request, reason: str | None) -> By:
    """The actor: the key, and the name that its holder gives (X-Actor). Raises `RequestRefused`."""
    acting = _header(request, "x-actor")
    key = f"api:{caller_of(request).name}"
    return By(actor=key if acting is None else f"{key} for {acting}", reason=reason)


def request_id(request: Request, body: bytes) -> RequestId | None:
    """The identity of a request; None without Idempotency-Key. Raises `RequestRefused`."""
    key = _header(request, "idempotency-key")
    if key is None:
        return None
    return RequestId.of(caller_of(request).name, key, request.method, request.url.path, body)


def _header(request: Request, name: str) -> str | None:
    given = request.headers.get(name)
    if given is not None and not _PRINTABLE.fullmatch(given):
        raise RequestRefused(
            422, f"the header {name} must be 1 to {_LONGEST_HEADER} printable ASCII characters"
        )
    return given


def _refused(error: ValidationError) -> RequestRefused:
    """The first fault, in words."""
    fault = error.errors(include_url=False, include_context=False)[0]
    if fault["type"] == "json_invalid":
        return RequestRefused(400, f"the body is not JSON: {fault['msg'].partition(': ')[2]}")
    pointer = "".join(f"/{_escaped(str(part))}" for part in fault["loc"])
    return RequestRefused(422, _in_words(fault), pointer=pointer)


def _in_words(fault: ErrorDetails) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return "there is no such field here; leave it out"
        case "missing":
            return "is missing"
        case "value_error":
            return fault["msg"].removeprefix("Value error, ")
        case _:
            return fault["msg"]


def _escaped(part: str) -> str:
    return part[:_LONGEST_HEADER].replace("~", "~0").replace("/", "~1")

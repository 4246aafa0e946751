"""What the tests of described routes must notice: each of these answers differs from its row."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from schemathesis.core.failures import FailureGroup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from support.described import EVERYTHING, MadeRequest, cases, hosted, operations

from reftrail.hosting.routes import OPEN, Endpoint, Handler, routes, served


async def good(_: Request) -> Response:
    return JSONResponse({"n": 1})


async def broken(_: Request) -> Response:
    raise ZeroDivisionError


async def unavailable(_: Request) -> Response:
    return JSONResponse({"n": 1}, 503)


async def misshapen(_: Request) -> Response:
    return JSONResponse({"n": "one"})


async def of_another_type(_: Request) -> Response:
    return PlainTextResponse("1")


async def undescribed(_: Request) -> Response:
    return JSONResponse({"n": 1}, 418)


async def with_a_secret_parameter(request: Request) -> Response:
    return JSONResponse({"n": int(request.query_params.get("n", "1"))})


ROW: Final = Endpoint(
    "GET",
    "/n",
    good,
    "A number.",
    OPEN,
    errors={503: "Away."},
    answer={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
)
FAULTS: Final = (broken, unavailable, misshapen, of_another_type, undescribed)


def app_of(handler: Handler) -> Starlette:
    return served(routes([replace(ROW, handler=handler)]))


(OPERATION,) = operations("a host", [ROW]).values()


@settings(max_examples=1)
@given(case=cases(OPERATION, {}))
def test_an_answer_as_described_passes(case: MadeRequest) -> None:
    with hosted(app_of(good)) as host:
        host.answer(case, EVERYTHING)


@settings(max_examples=1)
@given(case=cases(OPERATION, {}))
def test_a_parameter_that_is_not_described_is_a_failure(case: MadeRequest) -> None:
    with (
        hosted(app_of(with_a_secret_parameter)) as host,
        pytest.raises(AssertionError, match="in the query"),
    ):
        host.answer(case, EVERYTHING)


@pytest.mark.parametrize("handler", FAULTS)
@settings(max_examples=1)
@given(case=cases(OPERATION, {}))
def test_any_other_answer_is_a_failure(handler: Handler, case: MadeRequest) -> None:
    with hosted(app_of(handler)) as host, pytest.raises(FailureGroup):
        host.answer(case, EVERYTHING)

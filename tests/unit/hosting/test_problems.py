"""Answers to requests that fail in a host, or have odd paths."""

import json

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.http_server import served as serving

from reftrail.hosting.problems import problem
from reftrail.hosting.routes import served


async def rest(request: Request) -> Response:
    return Response(request.path_params["rest"])


async def broken(_: Request) -> Response:
    raise LookupError("a fault with a secret")


def test_a_fault_of_a_handler_is_a_problem_that_names_no_detail() -> None:
    with serving(lambda: served([Route("/broken", broken)])) as url:
        answer = httpx.get(f"{url}/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "internal error; the server's log says more"


def test_the_rest_of_a_path_may_have_slashes_and_line_breaks() -> None:
    with serving(lambda: served([Route("/users/{rest:path}/rewards", rest)])) as url:
        answer = httpx.get(f"{url}/users/a%2Fb%0Ac/rewards")
    assert (answer.status_code, answer.text) == (200, "a/b\nc")


def test_a_problem_may_repeat_half_of_a_surrogate_pair_of_its_request() -> None:
    body = json.loads(bytes(problem(422, "no field \ud800 é", pointer="/\udc00").body))
    assert (body["detail"], body["pointer"]) == ("no field \\ud800 é", "/\\udc00")

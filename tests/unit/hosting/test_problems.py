"""Answers to requests that fail in a host."""

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.http_server import served as serving

from reftrail.hosting.routes import served


async def broken(_: Request) -> Response:
    raise LookupError("a fault with a secret")


def test_a_fault_of_a_handler_is_a_problem_that_names_no_detail() -> None:
    with serving(lambda: served([Route("/broken", broken)])) as url:
        answer = httpx.get(f"{url}/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "internal error; the server's log says more"

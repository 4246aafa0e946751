"""The table of routes for codes: the application and the OpenAPI description are made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from reftrail.codes_api import models
from reftrail.codes_api.handlers import CodesApi
from reftrail.codes_api.issuing import BODIES

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: bodies are the models of which the request's body must be one.

    is_act: it changes something, so that it takes Idempotency-Key, X-Actor and ?wait.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    bodies: tuple[type[BaseModel], ...] = ()
    query: type[BaseModel] | None = None
    is_act: bool = False
    status: int = 200
    answers: str = "application/json"


def endpoints(api: CodesApi) -> list[Endpoint]:
    """All routes, those with a fixed path before those that would take it for a code."""
    one = "/v1/codes/{code}"
    return [
        Endpoint(
            "POST",
            "/v1/codes/verify",
            api.verify,
            'Whether a code is good, and why not. A publishable key is told {"valid"} alone.',
            bodies=(models.Verify,),
        ),
        Endpoint(
            "POST",
            "/v1/codes",
            api.issue,
            "Issue codes: one or several alike, one for each of a list, more of a derived format, "
            "or take over existing ones.",
            bodies=BODIES,
            is_act=True,
            status=201,
        ),
        Endpoint("GET", "/v1/codes", api.list_codes, "List codes.", query=models.Listing),
        Endpoint("GET", one, api.find, "A code, and what has happened under it."),
        _act("PATCH", one, api.change, "Change what may be changed.", models.Change),
        _act("POST", f"{one}/bind", api.bind, "Give it an owner or a record.", models.Bind),
        _act(
            "POST",
            f"{one}/distribute",
            api.distribute,
            "Count that it was handed out.",
            models.Distribute,
        ),
        _act("POST", f"{one}/suspend", api.suspend, "Stop it for a while.", models.Reasoned),
        _act("POST", f"{one}/reactivate", api.reactivate, "Let it count again.", models.Reasoned),
        _act("POST", f"{one}/revoke", api.revoke, "End it for good.", models.Reasoned),
        _act("POST", f"{one}/expire", api.expire, "End its time now.", models.Reasoned),
        _act("POST", f"{one}/reissue", api.reissue, "Replace it by another.", models.Reissue),
        Endpoint("GET", f"{one}/audit", api.audit, "All that was done to it, and by whom."),
        Endpoint(
            "GET", f"{one}/qr.png", api.picture, "Its link as a QR code.", answers="image/png"
        ),
        Endpoint(
            "GET", f"{one}/qr.svg", api.picture, "Its link as a QR code.", answers="image/svg+xml"
        ),
        Endpoint("GET", "/v1/code-formats", api.formats, "All formats."),
        _act(
            "PUT",
            "/v1/code-formats/{name}",
            api.define_format,
            "Define a format, or define it anew.",
            models.DefineFormat,
        ),
        _act(
            "POST",
            "/v1/code-formats/{name}/retire",
            api.retire_format,
            "Issue no more under it; derived codes of it count no longer.",
            models.Reasoned,
        ),
    ]


def _act(method: str, path: str, handler: Handler, summary: str, body: type[BaseModel]) -> Endpoint:
    return Endpoint(method, path, handler, summary, bodies=(body,), is_act=True)

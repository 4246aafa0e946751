"""Table of the routes for codes."""

from functools import partial
from typing import Final

from pydantic import BaseModel

from reftrail.codes_api import models
from reftrail.codes_api.format_handlers import FormatHandlers
from reftrail.codes_api.handlers import CodesApi
from reftrail.codes_api.issuing import BODIES
from reftrail.contracts.api_keys import Scope
from reftrail.edge.requests import BODY_SECONDS
from reftrail.hosting.routes import Access, Endpoint, Handler, Parameter, needs

_ERRORS: Final = {
    400: "The body is not JSON.",
    401: "No known key.",
    403: "A publishable key where a secret one is needed, or one without the scope.",
    404: "No such code or format.",
    408: f"The body has not arrived within {BODY_SECONDS:g} s.",
    409: "What there is speaks against it: the status, a limit, another's code.",
    422: "A field can't be so; pointer says which.",
    429: "Too many requests; Retry-After says when to ask again.",
    503: "The store of codes doesn't answer, or none is configured.",
}
_OF_ACTS: Final = (
    Parameter(
        "wait",
        meaning="Wait up to 5 s for Kafka; `published` says whether it has the change.",
        schema={"type": "boolean", "default": False},
    ),
    Parameter(
        "Idempotency-Key",
        "header",
        "The same request under the same key is done once, for seven days.",
    ),
    Parameter(
        "X-Actor",
        "header",
        "Who acts, for the audit log; the key's short hash is there anyway.",
    ),
)
_OF_PICTURES: Final = (
    Parameter(
        "url",
        meaning="The page to which the link leads, an http or https address; needed where "
        "REFTRAIL_LANDING_URL isn't set.",
    ),
)


_READ: Final = needs(Scope.CODES_READ)
_WRITE: Final = needs(Scope.CODES_WRITE)
_VERIFY: Final = Access((Scope.CODES_READ,), publishable=True)

_row = partial(Endpoint, errors=_ERRORS)


def endpoints(api: CodesApi) -> list[Endpoint]:
    """All routes, those with a fixed path before those that would take it for a code."""
    one_code = "/v1/codes/{code}"
    return [
        _row(
            "POST",
            "/v1/codes/verify",
            api.verify,
            'Whether a code is good, and why not. A publishable key gets {"valid"} alone.',
            _VERIFY,
            bodies=(models.Verify,),
        ),
        _row(
            "POST",
            "/v1/codes",
            api.issue,
            "Issue codes: one or several alike, one for each of a list, more of a derived format, "
            "or take over existing ones.",
            _WRITE,
            bodies=BODIES,
            parameters=_OF_ACTS,
            status=201,
        ),
        _row("GET", "/v1/codes", api.list_codes, "List codes.", _READ, query=models.Listing),
        _row("GET", one_code, api.find, "A code, and what has happened under it.", _READ),
        _act("PATCH", one_code, api.change, "Change what may be changed.", models.Change),
        _act("POST", f"{one_code}/bind", api.bind, "Give it an owner or a record.", models.Bind),
        _act(
            "POST",
            f"{one_code}/distribute",
            api.distribute,
            "Count that it was handed out.",
            models.Distribute,
        ),
        _act("POST", f"{one_code}/suspend", api.suspend, "Stop it for a while.", models.Reasoned),
        _act(
            "POST", f"{one_code}/reactivate", api.reactivate, "Let it count again.", models.Reasoned
        ),
        _act("POST", f"{one_code}/revoke", api.revoke, "End it for good.", models.Reasoned),
        _act("POST", f"{one_code}/expire", api.expire, "End its time now.", models.Reasoned),
        _act("POST", f"{one_code}/reissue", api.reissue, "Replace it by another.", models.Reissue),
        _row("GET", f"{one_code}/audit", api.audit, "All that was done to it, and by whom.", _READ),
        _row(
            "GET",
            f"{one_code}/qr.png",
            api.picture,
            "Its link as a QR code.",
            _READ,
            parameters=_OF_PICTURES,
            answers=("image/png",),
        ),
        _row(
            "GET",
            f"{one_code}/qr.svg",
            api.picture,
            "Its link as a QR code.",
            _READ,
            parameters=_OF_PICTURES,
            answers=("image/svg+xml",),
        ),
        *_formats(FormatHandlers(api.admission, api.backend)),
    ]


def _formats(formats: FormatHandlers) -> list[Endpoint]:
    return [
        _row("GET", "/v1/code-formats", formats.formats, "All formats.", _READ),
        _act(
            "PUT",
            "/v1/code-formats/{name}",
            formats.define_format,
            "Define a format, or define it anew.",
            models.DefineFormat,
        ),
        _act(
            "POST",
            "/v1/code-formats/{name}/retire",
            formats.retire_format,
            "Issue no more under it; derived codes of it count no longer.",
            models.Reasoned,
        ),
    ]


def _act(method: str, path: str, handler: Handler, summary: str, body: type[BaseModel]) -> Endpoint:
    return _row(method, path, handler, summary, _WRITE, bodies=(body,), parameters=_OF_ACTS)

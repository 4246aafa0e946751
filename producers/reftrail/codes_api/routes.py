"""Table of the routes for codes."""

from functools import partial
from typing import Final

from pydantic import BaseModel

from reftrail.codes_api import models
from reftrail.codes_api.handlers import CodesApi
from reftrail.codes_api.issuing import BODIES
from reftrail.hosting.routes import Endpoint, Handler, Parameter

_ERRORS: Final = {
    400: "The body is not JSON.",
    401: "No known key.",
    403: "A publishable key where a secret one is needed.",
    404: "No such code or format.",
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


_row = partial(Endpoint, errors=_ERRORS)


def endpoints(api: CodesApi) -> list[Endpoint]:
    """All routes, those with a fixed path before those that would take it for a code."""
    one = "/v1/codes/{code}"
    return [
        _row(
            "POST",
            "/v1/codes/verify",
            api.verify,
            'Whether a code is good, and why not. A publishable key gets {"valid"} alone.',
            bodies=(models.Verify,),
        ),
        _row(
            "POST",
            "/v1/codes",
            api.issue,
            "Issue codes: one or several alike, one for each of a list, more of a derived format, "
            "or take over existing ones.",
            bodies=BODIES,
            parameters=_OF_ACTS,
            status=201,
        ),
        _row("GET", "/v1/codes", api.list_codes, "List codes.", query=models.Listing),
        _row("GET", one, api.find, "A code, and what has happened under it."),
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
        _row("GET", f"{one}/audit", api.audit, "All that was done to it, and by whom."),
        _row("GET", f"{one}/qr.png", api.picture, "Its link as a QR code.", answers=("image/png",)),
        _row(
            "GET",
            f"{one}/qr.svg",
            api.picture,
            "Its link as a QR code.",
            answers=("image/svg+xml",),
        ),
        _row("GET", "/v1/code-formats", api.formats, "All formats."),
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
    return _row(method, path, handler, summary, bodies=(body,), parameters=_OF_ACTS)

"""Responses of the dashboard: templates with every value escaped, under a strict policy."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reftrail.dashboard.cells import money, text_of
from reftrail.dashboard.view import figure_text, local_time, path_of

HTML: Final = "text/html"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
_HEADERS: Final = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_MEDIA: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("reftrail.dashboard", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["money"] = money
    made.globals |= {"path_of": path_of, "local_time": local_time, "text_of": text_of}
    made.globals["figure_text"] = figure_text
    made.globals["static"] = static_path
    return made


def page(
    template: str, http_status: int = 200, *, ancestors: str = "'none'", **values: Any
) -> Response:
    """A page; ancestors are the origins whose pages may embed it."""
    text = _environment().get_template(template).render(**values)
    policy = _POLICY.format(ancestors=ancestors)
    headers = _HEADERS | {"content-security-policy": policy}
    if ancestors == "'none'":
        headers["x-frame-options"] = "DENY"
    return HTMLResponse(text, http_status, headers)


@cache
def _static_files() -> dict[str, bytes]:
    """The contents of static files by name, read once: names come from anybody."""
    return {
        file.name: file.read_bytes()
        for file in files("reftrail.dashboard").joinpath("static").iterdir()
        if file.name.rpartition(".")[2] in _MEDIA
    }


@cache
def static_path(name: str) -> str:
    """The address of a static file, which changes with its contents."""
    found = _static_files().get(name)
    assert found is not None, f"there is no static file {name}"
    return f"/static/{name}?v={hashlib.sha256(found).hexdigest()[:12]}"


def static(request: Request) -> Response | None:
    """A static file, kept by browsers for a year; None if there is none of this name."""
    name = request.path_params["file"]
    found = _static_files().get(name)
    if found is None:
        return None
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
    }
    return Response(found, headers=headers, media_type=_MEDIA[name.rpartition(".")[2]])

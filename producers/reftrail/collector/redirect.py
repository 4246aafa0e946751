"""Referral links: the target of `/r/{code}`, and the cookie that identifies the visitor."""

import re
from dataclasses import dataclass
from typing import Final

import uuid_utils
from starlette.responses import RedirectResponse, Response

from reftrail.codes.links import landing_link
from reftrail.contracts.code_spelling import is_code, spelled

COOKIE: Final = "reftrail_visitor"
_COOKIE_SECONDS: Final = 365 * 24 * 3600
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody followed a link: code None if the link holds nothing that could be one."""

    code: str | None
    visitor_id: str


def visit(code: str, cookie: str | None) -> Visit:
    """The visitor and code of a followed link. A visitor without a cookie of ours is new."""
    known = cookie is not None and _UUID.fullmatch(cookie)
    return Visit(
        text if is_code(text := spelled(code)) else None,
        cookie if cookie is not None and known else str(uuid_utils.uuid7()),
    )


def landing(base: str, code: str | None) -> str:
    """The configured landing page with ?ref=CODE.

    Nothing else of a request gets into it, so that nobody can make a link of ours lead elsewhere.
    """
    return base if code is None else landing_link(base, code)


def redirect_to(url: str, visitor_id: str, *, secure: bool, domain: str | None) -> Response:
    """The redirect with the visitor cookie.

    It isn't HttpOnly: the landing page's script reads it, to name the visitor in what it sends.
    """
    response = RedirectResponse(url, status_code=302)
    # A redirect out of a cache would set no cookie and count no click.
    response.headers["cache-control"] = "no-store"
    response.set_cookie(
        COOKIE,
        visitor_id,
        max_age=_COOKIE_SECONDS,
        path="/",
        domain=domain,
        secure=secure,
        httponly=False,
        samesite="lax",
    )
    return response

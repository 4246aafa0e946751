"""Visits by `/r/{code}`: their click, and the cookie that identifies the visitor."""

import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

import uuid_utils
from starlette.responses import RedirectResponse, Response

from reftrail.contracts.code_spelling import is_code, spelled

COOKIE: Final = "reftrail_visitor"
_COOKIE_SECONDS: Final = 365 * 24 * 3600
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody followed a link: code None if the link holds nothing that could be one.

    click_id tells this click from others of the visitor. The landing page's script reports the
    click again, under the same event_id: it counts once, also if only one of the two arrives. On a
    page that the cookie doesn't reach it is another visitor's, with another event_id.
    """

    code: str | None
    visitor_id: str
    click_id: str
    utm_source: str | None = None

    def click(self) -> dict[str, Any]:
        """The click, as the collector takes events."""
        event_id = self.visitor_id[: -len(self.click_id)] + self.click_id
        click = {
            "type": "click",
            "event_id": event_id,
            "visitor_id": self.visitor_id,
            "code": self.code,
        }
        return click | ({"utm_source": self.utm_source} if self.utm_source else {})


def visit(code: str, cookie: str | None, utm_source: str | None = None) -> Visit:
    """The visitor, code and source of a followed link. Without a cookie of ours it is a new one."""
    known = cookie is not None and _UUID.fullmatch(cookie)
    return Visit(
        text if is_code(text := spelled(code)) else None,
        cookie if cookie is not None and known else str(uuid_utils.uuid7()),
        secrets.token_hex(6),
        utm_source,
    )


def redirect_to(url: str, visitor_id: str, *, secure: bool, domain: str | None) -> Response:
    """The redirect with the visitor cookie.

    It isn't HttpOnly: the landing page's script reads it, to name the visitor in what it sends.
    """
    response = RedirectResponse(url, status_code=302)
    remember(response, visitor_id, secure=secure, domain=domain)
    return response


def remember(response: Response, visitor_id: str, *, secure: bool, domain: str | None) -> None:
    """Set the visitor cookie. An answer out of a cache would set none, and count nothing."""
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

"""A user's own page and widget, behind a signed link that expires; and the making of links.

The link shows this user's figures, and nobody else's: names of referred users aren't
shown, and nothing of the request but the link says whose page it is.
"""

from io import BytesIO
from typing import Annotated, Any, Final
from urllib.parse import quote

import segno
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from reftrail.contracts.api_keys import Scope
from reftrail.dashboard.dashboard import MOST_AGE_SECONDS, Dashboard
from reftrail.dashboard.rendering import page
from reftrail.dashboard.view import view_of
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import caller_of
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.edge.requests import read_body
from reftrail.hosting.json_answer import json_answer
from reftrail.reports.leaderboard import places
from reftrail.reports.questions import BadQuestion
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view

MOST_CODES: Final = 20
_DAY_SECONDS: Final = 24 * 3600
_ORIGIN: Final = r"^https?://(\*\.)?[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$"
_SHARE: Final = r"^https?://[^\s\"'<>\\]{1,400}$"
_GONE: Final = "This link is not good, or not any more. Ask for a new one where you got it."


class LinkAsked(BaseModel):
    """Body of a request for a user's link.

    share_url is the address to share a code by, with {code} in it. Pages of origins may embed the
    widget.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=1, le=366)] = 30
    share_url: Annotated[str, Field(pattern=_SHARE)] | None = None
    origins: Annotated[list[Annotated[str, Field(pattern=_ORIGIN)]], Field(max_length=10)] = []


async def make_link(dashboard: Dashboard, request: Request) -> Response:
    """POST /v1/users/{user}/links."""
    try:
        asked = LinkAsked.model_validate_json(await read_body(request) or b"{}")
    except ValidationError as error:
        first = error.errors()[0]
        raise BadQuestion(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if asked.share_url and asked.share_url.count("{code}") != 1:
        raise BadQuestion(
            "share_url must have {code} once: give https://events.shop.example/r/{code}"
        )
    caller = caller_of(request)
    fields = {
        "user": request.path_params["user"],
        "share": asked.share_url,
        "origins": asked.origins,
        "key": (caller.name, caller.key_id),
    }
    token = dashboard.parts.links.close(fields, asked.days * _DAY_SECONDS)
    body = {"page": f"/u/{token}", "widget": f"/u/{token}/widget", "days": asked.days}
    return json_answer(body, 201)


async def own_page(dashboard: Dashboard, keys: ApiKeys, request: Request) -> Response:
    """GET /u/{token}."""
    fields, found = await _found(dashboard, keys, request)
    return _page(request, "own.html", fields, found)


async def widget(dashboard: Dashboard, keys: ApiKeys, request: Request) -> Response:
    """GET /u/{token}/widget."""
    fields, found = await _found(dashboard, keys, request)
    ancestors = " ".join(["'self'", *fields["origins"]])
    return _page(request, "widget.html", fields, found, ancestors=ancestors)


async def qr(dashboard: Dashboard, keys: ApiKeys, request: Request) -> Response:
    """GET /u/{token}/qr/{code}."""
    fields, found = await _found(dashboard, keys, request)
    links = dict(_codes(fields, found))
    link = links.get(request.path_params["code"])
    if link is None:
        raise RequestRefused(404, "the user has no such code to share")
    drawn = BytesIO()
    segno.make_qr(link, error="m").save(drawn, kind="svg", scale=4, border=4, light="#fff")
    headers = {"cache-control": "private, max-age=86400", "x-content-type-options": "nosniff"}
    return Response(drawn.getvalue(), headers=headers, media_type="image/svg+xml")


async def _found(
    dashboard: Dashboard, keys: ApiKeys, request: Request
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the link says, and the view of its user. Raises `RequestRefused` (404), `Unavailable`.

    A link is good while the text of the key that it was made under is.
    """
    fields = dashboard.parts.links.open(request.path_params["token"])
    if fields is None or "key" not in fields:
        raise RequestRefused(404, _GONE)
    name, key_id = fields["key"]
    if not keys.is_good(name, key_id, Scope.USERS_READ):
        if not keys.is_complete:
            raise Unavailable("API keys are not read yet")
        raise RequestRefused(404, _GONE)
    api = dashboard.api
    asked = HistoryPage(most=1)
    found = await api.low_latency_turns.run(user_view, api.low_latency, fields["user"], asked)
    users = [found["user_id"], *found["merged_users"]]
    placed = (api.low_latency, api.placed, MOST_AGE_SECONDS, users)
    return fields, found | {"places": await api.low_latency_turns.run(places, *placed)}


def _codes(fields: dict[str, Any], found: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The user's active codes, each with the address to share it by."""
    share = fields["share"]
    active = [code for code in found["codes"] if code["status"] == "active"]
    return [
        (code["code"], share.replace("{code}", quote(code["code"], safe="")) if share else None)
        for code in active[:MOST_CODES]
    ]


def _page(
    request: Request,
    template: str,
    fields: dict[str, Any],
    found: dict[str, Any],
    ancestors: str = "'none'",
) -> Response:
    return page(
        template,
        ancestors=ancestors,
        token=request.path_params["token"],
        user=found,
        codes=_codes(fields, found),
        view=view_of(request),
    )

"""GET /v1/pixel.gif: a view of a page without scripts, such as an e-mail or a `noscript` part."""

import base64
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from reftrail.collector import redirect
from reftrail.collector.http import Collector
from reftrail.contracts.api_keys import Scope
from reftrail.edge.authorization import KEY_PARAMETER, caller_of
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import is_https
from reftrail.hosting.routes import Access, Endpoint, Parameter

GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""One transparent pixel."""
_VISITOR: Final = "visitor_id"
_FIELDS: Final = {
    _VISITOR: "Who sees it; without it whoever has the cookie, else somebody new.",
    "code": "The code that the page carries.",
    "event_id": "A UUID: the same one counts once.",
    "campaign_id": "Of a view without a code.",
    "category": "A dimension of reports.",
    "channel": "A dimension of reports.",
    "utm_source": "The source of the visit, a dimension of reports.",
}


def endpoint(collector: Collector) -> Endpoint:
    """The row of the table."""

    async def pixel(request: Request) -> Response:
        return await _pixel(collector, request)

    return Endpoint(
        "GET",
        "/v1/pixel.gif",
        pixel,
        "Count a view, and answer a transparent pixel.",
        Access((Scope.EVENTS_WRITE,), publishable=True),
        parameters=(
            Parameter(KEY_PARAMETER, meaning="A publishable key."),
            *(Parameter(name, meaning=meaning) for name, meaning in _FIELDS.items()),
        ),
        errors={
            401: "No known key.",
            403: "A key of other origins or apps, or without the scope.",
            422: "A parameter isn't known, or can't be so; pointer says which.",
            429: "Too many events; Retry-After says when to send again.",
            503: "Kafka doesn't take it.",
        },
        answers=("image/gif",),
    )


async def _pixel(collector: Collector, request: Request) -> Response:
    """Count a view. A page loads it by itself, so it is never a click; HEAD counts nothing."""
    if request.method == "HEAD":
        return Response(GIF, media_type="image/gif")
    caller = caller_of(request)
    payer = collector.limits.admit(request, caller)
    visit = redirect.visit("", request.cookies.get(redirect.COOKIE))
    item: dict[str, Any] = {"type": "view", _VISITOR: visit.visitor_id}
    for name, value in request.query_params.multi_items():
        if name not in {*_FIELDS, KEY_PARAMETER}:
            raise RequestRefused(422, f"{name[:40]!a} is not a parameter of a pixel")
        if name in _FIELDS and value:
            item[name] = value
    outcome = await collector.take([item], collector.sender(request, caller), payer=payer.address)
    for rejected in outcome.rejected:
        raise RequestRefused(422, rejected.reason, pointer=rejected.pointer)
    response = Response(GIF, media_type="image/gif")
    settings = collector.settings
    redirect.remember(
        response,
        visit.visitor_id,
        secure=is_https(request, settings.proxies),
        domain=settings.cookie_domain,
    )
    return response

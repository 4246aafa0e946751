"""GET /r/{code}: a click, and the redirect to where the code's campaign says."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from reftrail.code_lookup.facts import CodeLookup
from reftrail.code_lookup.links import NO_TERMS, LinkProblem, LinkTerms
from reftrail.collector import redirect
from reftrail.collector.accept import Circumstances, Sender, recorded
from reftrail.collector.destinations import FollowedLink, location
from reftrail.collector.examination import examine
from reftrail.collector.http import Collector, guesses
from reftrail.collector.signed_clicks import SignedClick
from reftrail.contracts.record import SECOND
from reftrail.contracts.times import now
from reftrail.edge.bots import is_bot
from reftrail.edge.devices import Device, device_of
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.edge.requests import is_https, navigated, user_agent_of
from reftrail.hosting.routes import OPEN, Endpoint, Parameter

logger = logging.getLogger(__name__)

_NOWHERE: Final = (
    "this link leads nowhere: set REFTRAIL_LANDING_URL, or give the campaign's file a web address "
    "in [campaign.links]"
)


def endpoint(collector: Collector) -> Endpoint:
    """The row of the table."""

    async def follow(request: Request) -> Response:
        return await _follow(collector, request)

    return Endpoint(
        "GET",
        "/r/{code}",
        follow,
        "Count a click, and redirect to where the code's campaign says.",
        OPEN,
        parameters=(
            Parameter(
                "utm_source",
                meaning="The source of the visit, a dimension of reports. The page gets it too, as "
                "it does the rest of the query.",
            ),
        ),
        errors={404: "Neither the campaign nor the installation has a page for it."},
        status=302,
        answers=(),
    )


async def _follow(collector: Collector, request: Request) -> Response:
    """Redirect the visitor, whether or not Kafka takes the click in time."""
    settings = collector.settings
    until = asyncio.get_running_loop().time() + settings.redirect_timeout_seconds
    visit = redirect.visit(
        request.path_params["code"],
        request.cookies.get(redirect.COOKIE),
        request.query_params.get("utm_source"),
    )
    may_ask = collector.limits.may_ask(request)
    counts = visit.code is not None and _counts(collector, request)
    terms, is_known = NO_TERMS, False
    if visit.code is not None and may_ask and await _is_known(collector, visit.code):
        terms = _terms(collector, request, visit.code, is_charged=not counts)
        is_known = True
    device = device_of(user_agent_of(request)) if counts else None
    signed = None if visit.code is None or device is None else _signed(visit, visit.code)
    link = FollowedLink(
        visit.code,
        visit.click_id if counts else None,
        request.scope["query_string"].decode("latin-1"),
        user_agent_of(request),
        terms.problem,
        opens_apps=not _is_machine(request),
        signed_click=None if signed is None else collector.matching.signer.sign(signed),
    )
    url = location(link, terms.links, settings.links)
    if url is None and not may_ask:
        raise RequestRefused(
            429, "too many codes that nobody knows; ask again later", retry_after=5
        )
    if url is None:
        raise RequestRefused(404, _NOWHERE)
    if counts:
        payer = collector.limits.address_of(request)
        sender = collector.visitor(request)
        counting = _begin(
            collector, _count(collector, visit.click(), sender, payer, is_known=is_known)
        )
        if signed and device and is_known and terms.problem is None:
            event_id = str(visit.click()["event_id"])
            _begin(collector, _remember(collector, signed, event_id, sender.ip, device))
        left = until - asyncio.get_running_loop().time()
        await asyncio.wait([counting], timeout=max(left, 0))
    else:
        collector.metrics.clicks.labels("ignored").inc()
    return redirect.redirect_to(
        url,
        visit.visitor_id,
        secure=is_https(request, settings.proxies),
        domain=settings.cookie_domain,
    )


def _begin(collector: Collector, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin what goes on after the answer."""
    begun = asyncio.create_task(work)
    collector.unfinished.add(begun)
    begun.add_done_callback(collector.unfinished.discard)
    return begun


def _signed(visit: redirect.Visit, code: str) -> SignedClick:
    at = now()
    return SignedClick(visit.click_id, at - at % SECOND, code)


def _counts(collector: Collector, request: Request) -> bool:
    """Whether this is a person's own navigation, and within the limit of its address."""
    return (
        not _is_machine(request) and navigated(request) and collector.limits.counts_click(request)
    )


def _is_machine(request: Request) -> bool:
    """Whether a bot asks, or a program that only wants to know where the link leads."""
    user_agent = user_agent_of(request)
    return request.method == "HEAD" or (user_agent is not None and is_bot(user_agent))


async def _is_known(collector: Collector, code: str) -> bool:
    """Whether the table can tell what a code is. A visitor isn't kept waiting for it."""
    try:
        await collector.codes.know([code], collector.settings.redirect_timeout_seconds)
    except Unavailable:
        return False
    return True


def _terms(collector: Collector, request: Request, code: str, *, is_charged: bool) -> LinkTerms:
    """The terms of a code. An answer about an unknown code is paid for, as an event is."""
    terms = collector.codes.link_terms(code, now())
    if is_charged and terms.problem == LinkProblem.UNKNOWN:
        collector.limits.charge_guesses(
            collector.limits.address_of(request), [collector.codes.spelling(code)]
        )
    return terms


async def _count(
    collector: Collector, click: dict[str, Any], sender: Sender, payer: str, *, is_known: bool
) -> None:
    codes: CodeLookup | None = collector.codes.lookup if is_known else None
    circumstances = Circumstances(sender, now(), collector.pseudonyms, codes)
    submitted = examine([click], sender.kind, circumstances.now, 0).submitted
    await collector.renew_owners(submitted, sender)
    accepted = [recorded(sent, circumstances) for sent in submitted]
    for event in accepted:  # a link has no key: those of a campaign are bounded together
        collector.bound(f"\0links of {event.row.campaign_id}", submitted, accepted)
    collector.limits.charge_guesses(payer, guesses(accepted))
    try:
        await collector.publish(accepted)
    except Unavailable as error:
        logger.warning("a click on %s was lost: %s", click["code"], error)
        collector.metrics.clicks.labels("lost").inc()
    else:
        collector.metrics.clicks.labels("acknowledged").inc()


async def _remember(
    collector: Collector, click: SignedClick, event_id: str, ip: str | None, device: Device
) -> None:
    """Write a click on a phone, so that the app that it leads to can ask for it."""
    if ip is None:
        return
    try:
        await collector.matching.remember(click, event_id, ip, device)
    except Unavailable as error:
        logger.warning("a click can't be guessed by: %s", error)
        collector.metrics.matches.labels("click_lost").inc()

"""Target of a followed link: an address of its campaign, with parameters added to it.

No request decides on the target: what is kept of a visitor's query stays in the query, and replaces
no parameter of the address.
"""

import re
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import (
    SplitResult,
    parse_qsl,
    quote,
    unquote_plus,
    urlencode,
    urlsplit,
    urlunsplit,
)

from reftrail.code_lookup.links import LinkProblem
from reftrail.contracts.links import Links
from reftrail.edge.devices import device_of

CODE_PARAMETER: Final = "ref"
CLICK_PARAMETER: Final = "ref_click"
PROBLEM_PARAMETER: Final = "ref_problem"
SIGNED_PARAMETER: Final = "ref_signed"
_OURS: Final = {CODE_PARAMETER, CLICK_PARAMETER, SIGNED_PARAMETER, PROBLEM_PARAMETER}
_PLAY: Final = "play.google.com"
_CHROME: Final = re.compile(r"\bChrome/\d", re.ASCII)
"""Chrome, and what is made of it: they open apps by intent, and say where else to go."""
_IN_AN_APP: Final = "; wv)"
"""Browsers within apps, many of which show an error instead."""
_BYTES: Final = "latin-1"
"""Whatever bytes a visitor's query has come out as they went in."""

_Pairs: TypeAlias = list[tuple[str, str]]


class FollowedLink(NamedTuple):
    """A link that somebody follows: its code, and the id of the click if that is counted.

    code is None if the link holds nothing that could be one. query is the visitor's, as it was
    sent. signed_click is for apps (`signed_clicks`). opens_apps is whether an app may be opened: a
    bot follows addresses of the web only.
    """

    code: str | None
    click_id: str | None = None
    query: str = ""
    user_agent: str | None = None
    problem: LinkProblem | None = None
    opens_apps: bool = True
    signed_click: str | None = None


def location(link: FollowedLink, campaign: Links, installation: Links) -> str | None:
    """The address to lead to; None if neither campaign nor installation has one."""
    links = installation if campaign.web is None else campaign
    problem = LinkProblem.UNKNOWN if link.code is None else link.problem
    if problem is not None:
        page = campaign.fallback or installation.fallback or links.web
        return None if page is None else _page(page, [(PROBLEM_PARAMETER, problem)], link.query)
    ours = [(CODE_PARAMETER, link.code or "")]
    if link.click_id is not None:
        ours.append((CLICK_PARAMETER, link.click_id))
    if link.signed_click is not None:
        ours.append((SIGNED_PARAMETER, link.signed_click))
    device = device_of(link.user_agent)
    if device is not None and device.os == "android":
        return _on_android(links, ours, link)
    if links.ios is not None and device is not None:
        return _page(links.ios, ours, link.query)
    return None if links.web is None else _page(links.web, ours, link.query)


def _on_android(links: Links, ours: _Pairs, link: FollowedLink) -> str | None:
    """The app's page in the store with an install referrer, its app link, or the usual page."""
    app = links.android_app
    store = None if app is None else f"https://{_PLAY}/store/apps/details?id={app}"
    opened = links.android or store or links.web
    if opened is None:
        return None
    if urlsplit(opened).hostname == _PLAY:
        return _in_store(opened, ours, link.query)
    page = _page(opened, ours, link.query)
    opens_app = link.opens_apps and _knows_intents(link.user_agent or "")
    if app is None or store is None or not opens_app:
        return page
    return _intent(urlsplit(page), app, _in_store(store, ours, link.query))


def _page(address: str, ours: _Pairs, query: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(query=_merged(parts.query, ours, query)))


def _in_store(address: str, ours: _Pairs, query: str) -> str:
    """An app's page in the Play store, which tells the app when it is installed."""
    store = urlsplit(address)
    referrer = _merged(dict(_pairs(store.query)).get("referrer", ""), ours, query)
    own = [part for part in _parts(store.query) if _name(part) != "referrer"]
    return urlunsplit(store._replace(query="&".join([*own, _query([("referrer", referrer)])])))


def _intent(page: SplitResult, app: str, otherwise: str) -> str:
    """The page as an intent of Android: opened by the app, or else another address is.

    See https://developer.chrome.com/docs/android/intents.
    """
    address = urlunsplit(page._replace(scheme="intent", fragment=""))
    fallback = quote(otherwise, safe="")
    return (
        f"{address}#Intent;scheme={page.scheme};package={app};S.browser_fallback_url={fallback};end"
    )


def _knows_intents(user_agent: str) -> bool:
    return _CHROME.search(user_agent) is not None and _IN_AN_APP not in user_agent


def _merged(own: str, ours: _Pairs, visitors: str) -> str:
    """The query of an address as it is, the visitor's parameters that it doesn't have, and ours."""
    kept = [part for part in _parts(own) if _name(part) not in _OURS]
    taken = _OURS | {_name(part) for part in kept}
    added = [*(pair for pair in _pairs(visitors) if pair[0] not in taken), *ours]
    return "&".join([*kept, _query(added)])


def _parts(query: str) -> list[str]:
    return query.split("&") if query else []


def _name(part: str) -> str:
    """The name of a parameter, without its escapes."""
    return unquote_plus(part.partition("=")[0], encoding=_BYTES)


def _pairs(query: str) -> _Pairs:
    return parse_qsl(query, keep_blank_values=True, encoding=_BYTES)


def _query(pairs: _Pairs) -> str:
    return urlencode(pairs, encoding=_BYTES)

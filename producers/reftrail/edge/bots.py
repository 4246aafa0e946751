"""Recognition of bots, prefetches and embedded loads by a request's headers."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from crawleruseragents import is_crawler

_PURPOSES: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_LOOKED_AT: Final = 320
"""Characters of a user agent; the longest of the list's 2,100 examples has 285."""


def is_bot(user_agent: str) -> bool:
    """Whether a user agent is a known crawler, link previewer or HTTP library.

    By https://github.com/monperrus/crawler-user-agents.
    """
    return _is_listed(user_agent[:_LOOKED_AT])


@lru_cache(maxsize=16_384)
def _is_listed(user_agent: str) -> bool:
    """Remembered, since a search takes 0.2 ms, and more for what is like many names of the list."""
    return bool(is_crawler(user_agent))


def is_prefetch(headers: Mapping[str, str]) -> bool:
    """Whether a browser fetched the page before anybody asked for it.

    Sec-Purpose is the standard's header (https://fetch.spec.whatwg.org/#sec-purpose-header),
    Purpose, X-Purpose and X-Moz what browsers sent before it, and Facebook's app sends.
    """
    for name in _PURPOSES:
        said = headers.get(name)
        if said is not None and ("prefetch" in said or "preview" in said):
            return True
    return False


def is_navigation(headers: Mapping[str, str]) -> bool:
    """Whether a browser opens a page in a tab or window, as far as the browser says so.

    Not an image, a script or a frame, which another site may load without its visitor knowing
    (https://w3c.github.io/webappsec-fetch-metadata/). Apps and old browsers don't say; of these an
    image is known by what it may be.
    """
    mode, destination = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    if mode is None and destination is None and _is_for_image(headers.get("accept", "")):
        return False
    return mode in (None, "navigate") and destination in (None, "document")


def _is_for_image(accept: str) -> bool:
    """Whether a request asks for an image before anything else, and for no page."""
    return accept.lstrip().lower().startswith("image/") and "text/html" not in accept

"""Recognition of bots and prefetches by a request's headers."""

from collections.abc import Mapping
from functools import lru_cache

from crawleruseragents import is_crawler


@lru_cache(maxsize=16_384)
def is_bot(user_agent: str) -> bool:
    """Whether a user agent is a known crawler, link previewer or HTTP library.

    By https://github.com/monperrus/crawler-user-agents. A search takes 0.2 ms, hence the memory.
    """
    return bool(is_crawler(user_agent))


def is_prefetch(headers: Mapping[str, str]) -> bool:
    """Whether a browser fetched the page before anybody asked for it.

    Sec-Purpose is the standard's header (https://fetch.spec.whatwg.org/#sec-purpose-header),
    Purpose and X-Moz what browsers sent before it.
    """
    said = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz"))
    return any("prefetch" in value or "preview" in value for value in said)

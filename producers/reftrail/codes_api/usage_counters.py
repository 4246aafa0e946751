"""Usage counters of a code, from the warehouse's reports, cached for seconds.

The warehouse may be away or behind: then the counters are None, and nothing waits for them long.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx
import msgspec

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 3.0
"""The time for which an answer of the warehouse is given again."""
PATIENCE_SECONDS: Final = 2.0
_SILENT_SECONDS: Final = 5.0
"""The time for which a warehouse that didn't answer isn't asked."""
_MOST_REMEMBERED: Final = 10_000
_MOST_AT_ONCE: Final = 4


class Counters(msgspec.Struct, frozen=True):
    """Uses as the warehouse counts them, up to as_of. None: it couldn't be asked."""

    as_of: str | None = None
    views: int | None = None
    clicks: int | None = None
    signups: int | None = None
    purchases: int | None = None
    attributed: int | None = None
    rewards_granted: int | None = None
    users_rewarded: int | None = None


@dataclass(frozen=True, slots=True)
class _Remembered:
    counters: Counters
    until: float


class CounterSource:
    """The counters of codes; http None: no warehouse is configured."""

    def __init__(self, http: httpx.AsyncClient | None, clock: Callable[[], float]) -> None:
        self._http = http
        self._clock = clock
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Counters]] = {}
        self._silent_until = float("-inf")
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)

    async def of(self, code: str, patience: float = PATIENCE_SECONDS) -> Counters:
        """A code's counters, at most a few seconds old.

        If the warehouse takes longer than patience, in seconds: what it last said, or nothing. The
        next one to ask has then what it says after all.
        """
        found = self._remembered.get(code)
        if found is not None and self._clock() < found.until:
            return found.counters
        if self._http is None or self._clock() < self._silent_until:
            return Counters()
        asking = self._asking.get(code)
        if asking is None:
            asking = self._asking[code] = asyncio.create_task(self._ask(self._http, code))
            asking.add_done_callback(lambda _: self._asking.pop(code))
        try:
            return await asyncio.wait_for(asyncio.shield(asking), patience)
        except TimeoutError:
            return found.counters if found is not None else Counters()

    async def close(self) -> None:
        """Ask no more, and disconnect."""
        for asking in list(self._asking.values()):
            asking.cancel()
        if self._http is not None:
            await self._http.aclose()

    async def _ask(self, http: httpx.AsyncClient, code: str) -> Counters:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._slots:
                answer = await http.get(f"/v1/codes/{quote(code, safe='')}/counters")
                counters = msgspec.json.decode(answer.raise_for_status().content, type=Counters)
        except (TimeoutError, httpx.HTTPError, msgspec.DecodeError) as error:
            logger.warning("no counters for a while: the reports do not answer: %r", error)
            self._silent_until = self._clock() + _SILENT_SECONDS
            return Counters()
        self._remembered[code] = _Remembered(counters, self._clock() + FRESH_SECONDS)
        self._remembered.move_to_end(code)
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return counters


def reports_client(url: str, secret_key: str) -> httpx.AsyncClient:
    """A connection to the reports API."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"authorization": f"Bearer {secret_key}"},
        timeout=PATIENCE_SECONDS,
    )

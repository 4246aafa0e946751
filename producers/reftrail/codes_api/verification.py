"""Verification: a secret key gets all details, a publishable one a yes or no.

Under a publishable key every answer comes at the end of a time slot that began with the request,
so that its time tells nothing of the reason either: not whether there is such a code, what was
computed for it, or what was asked of whom.
"""

import asyncio
import time
from typing import Final

from reftrail.code_lookup.codes_reader import CodesReader
from reftrail.codes.answers import Answer, Verification
from reftrail.codes.service.verification import VerificationContext, judge
from reftrail.codes_api.models import Verify
from reftrail.codes_api.store_access import NO_STORE, RETRY_AFTER, Backend, Opened
from reftrail.codes_api.usage_counters import PATIENCE_SECONDS, CounterSource
from reftrail.contracts.times import now
from reftrail.edge.http_errors import RequestRefused, Unavailable

SLOT_SECONDS: Final = 0.1
"""Longer than a verification takes, shorter than a person notices."""
_COUNTERS_WITHIN: Final = 0.06
_TOPICS_WITHIN: Final = 5.0


class Verifier:
    """Verifies with the store where there is one, else by the formats alone."""

    def __init__(self, backend: Backend, counters: CounterSource, codes: CodesReader) -> None:
        self._backend = backend
        self._counters = counters
        self._codes = codes

    async def verify(self, asked: Verify, *, published: bool = False) -> Verification:
        """Verify a text. Raises `RequestRefused` if the store doesn't answer, or is needed."""
        if not self._backend.is_configured:
            return await self._by_formats(asked.code)
        found = await self._verified(asked, None)
        registered = found.registered
        if found.answer is not Answer.VALID or registered is None:
            return found
        if registered.changed.max_uses is None:
            return found
        within = _COUNTERS_WITHIN if published else PATIENCE_SECONDS
        counted = await self._counters.of(registered.code, within)
        if counted.users_rewarded is None:
            return found
        return await self._verified(asked, counted.users_rewarded)

    async def _by_formats(self, text: str) -> Verification:
        """Verify by the topics of codes and formats, which don't say the status of a code."""
        try:
            await self._codes.know([text], _TOPICS_WITHIN)
        except Unavailable as error:
            raise RequestRefused(503, f"{error}; ask again", retry_after=RETRY_AFTER) from error
        verdict = self._codes.unregistered(text)
        if verdict is None:
            raise RequestRefused(503, f"the state of a registered code is in the store: {NO_STORE}")
        return judge(verdict, (), {}, VerificationContext(at=now()))

    async def _verified(self, asked: Verify, uses: int | None) -> Verification:
        def verified(opened: Opened) -> Verification:
            return opened.service.verify(
                asked.code,
                channel=asked.channel,
                region=asked.region,
                uses=uses,
                distributing=asked.distributing,
            )

        return await self._backend.run(verified)


async def end_of_slot(began: float) -> None:
    """Return when the time slot that the request is in ends; began is by `time.monotonic`."""
    passed = time.monotonic() - began
    await asyncio.sleep(SLOT_SECONDS - passed % SLOT_SECONDS)

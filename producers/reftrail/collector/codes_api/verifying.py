"""Verification: a secret key is told everything, a publishable one whether the code counts.

Under a publishable key every answer comes at the end of a time slot that began with the request,
so that its time tells nothing of the reason either: not whether there is such a code, what was
computed for it, or what was asked of whom.
"""

import asyncio
import time
from typing import Any, Final

from reftrail.codes.terms import Answer, Verification
from reftrail.collector.codes_api.backend import Backend
from reftrail.collector.codes_api.counters import PATIENCE_SECONDS, CounterSource
from reftrail.collector.codes_api.models import Verify
from reftrail.contracts.record import Millis

SLOT_SECONDS: Final = 0.1
"""Longer than a verification takes, shorter than a person notices."""
_COUNTERS_WITHIN: Final = 0.06


class Verifier:
    """Verifies with the store where there is one, else by the formats alone."""

    def __init__(self, backend: Backend, counters: CounterSource) -> None:
        self._backend = backend
        self._counters = counters

    async def verify(self, asked: Verify, *, published: bool = False) -> Verification:
        """What a text is. Raises `Refused` if the store doesn't answer."""
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

    async def _verified(self, asked: Verify, uses: int | None) -> Verification:
        def verified(opened: Any) -> Verification:
            found: Verification = opened.service.verify(
                asked.code,
                channel=asked.channel,
                region=asked.region,
                uses=uses,
                distributing=asked.distributing,
            )
            return found

        return await self._backend.run(verified)


async def end_of_slot(began: float) -> None:
    """Return when the time slot that the request is in ends; began is by `time.monotonic`."""
    passed = time.monotonic() - began
    await asyncio.sleep(SLOT_SECONDS - passed % SLOT_SECONDS)


def now() -> Millis:
    """The system's clock."""
    return time.time_ns() // 1_000_000

"""The client, to be called and to be awaited."""

import asyncio
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

import httpx

from reftrail.client.requests import (
    Chunk,
    Event,
    NotSent,
    Receipt,
    chunks,
    delay_after,
    is_worth_retrying,
    now_text,
    refusal,
)

PATIENCE: Final = 60.0
"""Seconds for which a request is tried again before `NotSent` is raised."""
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_PATH: Final = "/v1/events"


class Reftrail:
    """Sends events to a collector. A context manager; safe to use from several threads.

    Each request says what this machine's clock shows, by which the collector corrects the times of
    events. Where these come from other clocks (a file's, another machine's), own_clock=False.
    """

    def __init__(
        self, url: str, key: str, *, patience: float = PATIENCE, own_clock: bool = True
    ) -> None:
        self._http = httpx.Client(base_url=url, headers=_headers(key), timeout=_TIMEOUT)
        self._patience = patience
        self._sent_at = now_text if own_clock else _not_said

    def send(self, events: Iterable[Event]) -> Receipt:
        """Send any number of events, in order; returns when Kafka has what was accepted.

        Raises `NotSent` when the collector stays away for longer than patience or refuses a
        request as a whole.
        """
        receipt = Receipt()
        for chunk in chunks(events):
            receipt += self._send(chunk, receipt)
        return receipt

    def _send(self, chunk: Chunk, before: Receipt) -> Receipt:
        trial = _Trial(self._patience, before)
        while True:
            try:
                answer = self._http.post(_PATH, content=chunk.body(self._sent_at()))
            except httpx.TransportError as error:
                time.sleep(trial.pause(error))
                continue
            if answer.is_success:
                return chunk.receipt(answer)
            time.sleep(trial.pause(answer))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncReftrail:
    """The same for asyncio: several `send` may run at once, each in order in itself."""

    def __init__(
        self, url: str, key: str, *, patience: float = PATIENCE, own_clock: bool = True
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=_TIMEOUT)
        self._patience = patience
        self._sent_at = now_text if own_clock else _not_said

    async def send(self, events: Iterable[Event]) -> Receipt:
        """See `Reftrail.send`."""
        receipt = Receipt()
        for chunk in chunks(events):
            receipt += await self._send(chunk, receipt)
        return receipt

    async def _send(self, chunk: Chunk, before: Receipt) -> Receipt:
        trial = _Trial(self._patience, before)
        while True:
            try:
                answer = await self._http.post(_PATH, content=chunk.body(self._sent_at()))
            except httpx.TransportError as error:
                await asyncio.sleep(trial.pause(error))
                continue
            if answer.is_success:
                return chunk.receipt(answer)
            await asyncio.sleep(trial.pause(answer))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class _Trial:
    """The tries of one request: how long to wait for the next, and when to give up."""

    def __init__(self, patience: float, before: Receipt) -> None:
        self._until = time.monotonic() + patience
        self._before = before
        self._attempts = 0

    def pause(self, failure: httpx.Response | httpx.TransportError) -> float:
        """Seconds to wait now. Raises `NotSent` if there is no use in it."""
        answer = failure if isinstance(failure, httpx.Response) else None
        said = f"the collector can't be reached: {failure!r}" if answer is None else refusal(answer)
        if answer is not None and not is_worth_retrying(answer):
            raise NotSent(said, self._before)
        delay = delay_after(self._attempts, answer)
        self._attempts += 1
        if time.monotonic() + delay > self._until:
            raise NotSent(f"{said}; gave up after {self._attempts} tries", self._before)
        return delay


def _not_said() -> None:
    """No time of sending: events' times come from other clocks."""


def _headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": "application/json"}

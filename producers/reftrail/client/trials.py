"""Tries of one request: how long to wait for the next, and when to give up."""

import time

import httpx

from reftrail.client.requests import NotSent, Receipt, delay_after, is_worth_retrying, refusal


class Trial:
    """The tries of one request; before is the receipt of those that were answered before it."""

    def __init__(self, patience: float, before: Receipt) -> None:
        self._until = time.monotonic() + patience
        self._before = before
        self._attempts = 0

    def pause(self, failure: httpx.Response | httpx.TransportError) -> float:
        """Seconds to wait now. Raises `NotSent` if there is no use in it."""
        answer = failure if isinstance(failure, httpx.Response) else None
        said = f"the collector can't be reached: {failure!r}" if answer is None else refusal(answer)
        status = None if answer is None else answer.status_code
        if answer is not None and not is_worth_retrying(answer):
            raise NotSent(said, self._before, status)
        delay = delay_after(self._attempts, answer)
        self._attempts += 1
        if time.monotonic() + delay > self._until:
            raise NotSent(f"{said}; gave up after {self._attempts} tries", self._before, status)
        return delay

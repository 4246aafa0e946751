"""Retry schedule of requests to others that failed."""

from dataclasses import dataclass, field

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_random_exponential

from reftrail.contracts.record import Millis


@dataclass(frozen=True)
class Schedule:
    """Exponential back-off with jitter, for one request at a time; all in seconds.

    The nth wait is drawn between first / 2 and first * 2^(n-1), at most `most`: "full jitter" of
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, so that what
    failed together isn't tried again together. What isn't done give_up_after it came in has failed.
    """

    first: float = 2.0
    most: float = 3600.0
    give_up_after: float = 3 * 86_400.0
    _wait: wait_random_exponential = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wait = wait_random_exponential(multiplier=self.first, max=self.most, min=self.first / 2)
        object.__setattr__(self, "_wait", wait)

    def delay(self, attempts: int, retry_after: float | None = None) -> Millis:
        """The delay after so many attempts, at least as long as the other side asks for."""
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = attempts
        seconds = max(self._wait(state), retry_after or 0.0)
        return round(1000 * min(seconds, self.most))

    def is_over(self, taken_at: Millis, now: Millis) -> bool:
        """Whether it is time to give up."""
        return now - taken_at >= self.give_up_after * 1000

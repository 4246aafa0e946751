"""Time for which a process has not been ready, after it was."""

from dataclasses import dataclass


@dataclass(slots=True)
class Readiness:
    """The readiness of one process. It starts slowly: only once it was ready can it hang."""

    was_ready: bool = False
    not_ready_since: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it was ready when it was last asked."""
        return self.was_ready and self.not_ready_since is None

    def note(self, now: float, *, ready: bool, has_what_it_needs: bool) -> None:
        """Take an answer. Time without what it needs, such as the broker, doesn't count."""
        if ready:
            self.was_ready, self.not_ready_since = True, None
        elif self.was_ready and (self.not_ready_since is None or not has_what_it_needs):
            self.not_ready_since = now

    def seconds_not_ready(self, now: float) -> float:
        """The time for which it has not been ready, after it was; 0 if it is, or never was."""
        return 0.0 if self.not_ready_since is None else now - self.not_ready_since

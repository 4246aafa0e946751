"""Errors of scenarios whose happenings are impossible, or that the collector rejects."""

from dataclasses import dataclass

from reftrail.contracts.record import Millis
from reftrail.scenarios.happening_types import HappeningType


class CannotHappen(Exception):  # noqa: N818  (it says what is wrong)
    """A scenario's statement is impossible; str() says why."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """An event that the collector rejects; field is "" where the event as a whole is at fault."""

    type: HappeningType
    event_time: Millis
    field: str
    reason: str


class NotAccepted(CannotHappen):
    """The collector rejects an event."""

    def __init__(self, rejected: RejectedEvent) -> None:
        super().__init__(f"{rejected.field} {rejected.reason}", rejected.field or None)
        self.rejected = rejected

"""Deciders as hosts use them: the events that follow together with the state after them."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias, cast

from reftrail.contracts.record import Record
from reftrail.rules.decider import Cause, Decider, Reference, Refused, Settling

Settle: TypeAlias = Callable[..., tuple[Sequence[Record], Any]]


@cache
def _settles(kind: type) -> bool:
    """Whether deciders of a type are `Settling`: a check that takes as long as a small batch."""
    return issubclass(kind, Settling)


def settling(decider: Decider[Any]) -> Settle:
    """A function that gives a decider's events together with the state after them."""
    if _settles(type(decider)):
        return cast("Settling[Any]", decider).settle

    def settle(
        state: Any, record: Record, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Record], Any]:
        events = decider.decide(state, record, cause, reference)
        for event in events:
            if not isinstance(event, Refused):
                state = decider.evolve(state, event)
        return events, state

    return settle

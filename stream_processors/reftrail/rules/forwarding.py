"""Passing records on as they are, to where their order among others matters.

A stage reads one topic, so that the order of all that a decision depends on is in the log of one
partition, where a replay finds it again. What others write to topics of their own (reviews,
fulfilments, ticks) is forwarded there.
"""

from collections.abc import Sequence
from typing import TypeAlias

from reftrail.contracts.record import Record
from reftrail.rules.decider import Cause, Reference

Nothing: TypeAlias = tuple[()]


class Forwarder:
    """The rule of a forwarding stage; it keeps nothing."""

    def decide(
        self,
        state: Nothing,  # noqa: ARG002
        record: Record,
        cause: Cause,  # noqa: ARG002
        reference: Reference,  # noqa: ARG002
    ) -> Sequence[Record]:
        """The record itself: same id, same times."""
        return [record]

    def evolve(self, state: Nothing, record: Record) -> Nothing:  # noqa: ARG002
        """Nothing, still."""
        return state

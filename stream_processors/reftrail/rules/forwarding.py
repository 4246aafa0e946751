"""Forwarding of records to the topic where their order among others matters.

A stage reads one topic, so that the order of everything that a decision depends on is in the log of
one partition, and a replay finds it again. Reviews, reports of fulfilment and ticks have topics of
their own, and are forwarded there.
"""

from collections.abc import Sequence
from typing import TypeAlias

from reftrail.contracts.record import Record
from reftrail.rules.decider import Cause, Reference

Nothing: TypeAlias = tuple[()]


class Forwarder:
    """The decider of a forwarding stage. It has no state."""

    def decide(
        self,
        state: Nothing,  # noqa: ARG002
        record: Record,
        cause: Cause,  # noqa: ARG002
        reference: Reference,  # noqa: ARG002
    ) -> Sequence[Record]:
        """The record itself, with the same id and times."""
        return [record]

    def evolve(self, state: Nothing, record: Record) -> Nothing:  # noqa: ARG002
        """The same empty state."""
        return state

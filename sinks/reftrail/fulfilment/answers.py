"""Answers of partners that are asked to fulfil an order."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from reftrail.contracts.decisions import RewardGranted


@dataclass(frozen=True, slots=True)
class Delivered:
    """Success. The fields are those of `FulfilmentReported`."""

    reference: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """Failure for good, however often one asks. detail is for a person."""

    detail: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Nobody said that it is done; ask again later.

    in_doubt: it may be done nevertheless, such as when no answer came in time. retry_after, in
    seconds, is what was asked for, if anything.
    """

    detail: str
    in_doubt: bool
    retry_after: float | None = None


Answer: TypeAlias = Delivered | OrderRefused | Deferred


class Fulfiller(Protocol):
    """Fulfils orders of one kind, or has them fulfilled."""

    def fulfil(self, order: RewardGranted) -> Answer:
        """Fulfil an order, or say what became of it when it was asked for before.

        May be called again for the same `order.reward_id`, also after a crash, and must then not
        fulfil twice: that id is the idempotency key. Called from several threads. An exception
        counts as Deferred and in doubt.
        """

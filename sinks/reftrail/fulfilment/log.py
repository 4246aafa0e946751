"""Log of fulfilment: orders in, reports and dead letters out, and the positions of both.

The workers know Kafka by this interface; `kafka_log` implements it on a broker.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reftrail.contracts.decisions import DeadLettered, RewardGranted, RewardWithdrawn
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.fulfilment.journal import Unreported
from reftrail.fulfilment.reports import Refusal
from reftrail.hosting.kafka.log_bounds import LogPosition


@dataclass(frozen=True, slots=True)
class FoundOrders:
    """Messages read: orders and withdrawals with their positions, and messages that are neither."""

    orders: Sequence[tuple[RewardGranted, LogPosition]]
    unreadable: Sequence[Refusal]
    withdrawals: Sequence[tuple[RewardWithdrawn, LogPosition]] = ()


class Owner(Protocol):
    """Listener that a log informs of the partitions that are its own."""

    def losing(self) -> None:
        """The partitions may go to others when this returns: the last chance to report."""

    def gained(self, positions: Mapping[int, int]) -> None:
        """These partitions are its own from now on, and the group has passed these positions."""


class FulfilmentLog(Protocol):
    """Kafka as fulfilment needs it. Positions are by partition; methods raise `KafkaError`.

    identity is that of the topics, which a topic made again under its name doesn't share.
    """

    @property
    def identity(self) -> str: ...  # noqa: D102

    @property
    def partitions(self) -> int:
        """Partitions of the orders, those of others included."""

    def reports(
        self, positions: Mapping[int, int]
    ) -> Iterator[tuple[list[FulfilmentReported], dict[int, int]]]:
        """The reports from these positions (or the beginning) to the end, and up to where."""

    def join(self, owner: Owner) -> None:
        """Become a member of the group. owner hears of its partitions during polls."""

    def poll(self, timeout_ms: int) -> FoundOrders:
        """The next orders, waiting for at most so long; from the group's positions at first."""

    def positions(self) -> dict[int, int]:
        """Positions up to which orders of its own partitions were polled."""

    def ends(self) -> dict[int, int]:
        """The present ends of its own partitions of orders."""

    def write_reports(
        self,
        unreported: Sequence[Unreported],
        letters: Sequence[DeadLettered],
        positions: Mapping[int, int],
    ) -> dict[int, int]:
        """Write reports and letters and move the group's positions: all of it, or nothing.

        Says up to where the reports were written.
        """

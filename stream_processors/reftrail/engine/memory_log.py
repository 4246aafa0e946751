"""Records, messages and decisions as the logs of the memory host have them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.record import Micros, Millis, Record
from reftrail.engine.stage import Stage
from reftrail.rules.decider import Cause


@dataclass(frozen=True, slots=True)
class Logged:
    """A record and its place in its topic's log.

    key is its message's; None: that of the record. timestamp is the broker's; None: the time at
    which the record was received.
    """

    record: Record
    partition: int
    offset: int
    key: bytes | None = None
    timestamp: Millis | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a log; value is bytes if it went over the wire."""

    offset: int
    key: bytes | None
    value: Record | bytes | None
    timestamp: Millis


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: what a stage decided from a record, including what concerns only itself."""

    stage: Stage
    record: Record
    cause: Cause
    events: Sequence[Record]


class LedgerLine(NamedTuple):
    """The money of a ledger entry, without its position in the log."""

    reward_id: str
    status: str
    code: str
    user_id: str
    role: str
    beneficiary: str | None
    value_micros: Micros
    currency: str
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, entry: RewardDecided) -> Self:
        """The line of an entry."""
        return cls(
            entry.reward_id,
            entry.status,
            entry.code,
            entry.user_id,
            entry.role,
            entry.beneficiary,
            entry.value_micros,
            entry.currency,
            tuple(entry.reasons),
        )

"""One turn of the reward stage: what is concluded from one record, with the state that follows."""

from typing import TypeAlias

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.life import (
    FulfilmentReported,
    LimitAnswered,
    MilestoneChanged,
    Reviewed,
    SignalChecked,
)
from reftrail.contracts.record import Record
from reftrail.rules.decider import (
    RULES,
    Because,
    Cause,
    Reference,
    Refused,
    Woken,
    cause_id_of,
    derived_id,
)
from reftrail.rules.keeping import RewardState, keep
from reftrail.rules.ledger import CodeLedger, Origin, PairLedger
from reftrail.rules.notes import Conclusion

RewardInput: TypeAlias = (
    Claimed
    | SignalChecked
    | LimitAnswered
    | MilestoneChanged
    | Reviewed
    | FulfilmentReported
    | Woken
)
"""What the reward stage decides on."""


def user_of(record: RewardInput) -> str:
    """Under whom a record's rewards are kept: the user; for a milestone its beneficiary."""
    return record.beneficiary if isinstance(record, MilestoneChanged) else record.user_id


class Turn:
    """The conclusions so far, and the state as they leave it.

    What is decided on may have waited, so that its own record isn't the one that came now: origin
    is the one decided on, and the cause of what is concluded.
    """

    def __init__(
        self, state: RewardState, record: RewardInput, cause: Cause, reference: Reference
    ) -> None:
        self.state = state
        self.record = record
        self.cause = cause
        self.reference = reference
        self.origin = Origin(cause_id_of(record), cause.offset)
        self.conclusions: list[Conclusion] = []

    @property
    def code(self) -> str:
        """The code that this is about."""
        return self.record.code

    @property
    def user_id(self) -> str:
        """The user that this is about."""
        return user_of(self.record)

    @property
    def usage(self) -> CodeLedger:
        """What is kept of the code, by now."""
        return self.state[0]

    @property
    def pair(self) -> PairLedger:
        """What is kept of the user under the code, by now."""
        return self.state[1]

    def conclude(self, *records: Conclusion) -> None:
        """Add conclusions, in this order."""
        for record in records:
            self.conclusions.append(record)
            self.state = keep(self.state, record)

    def because(self, *words: str, of: Record | None = None) -> Because:
        """The common fields of a conclusion: the id follows from words, the times are those of."""
        return self._because(derived_id(*words), of or self.record)

    def _because(self, event_id: str, record: Record) -> Because:
        return {
            "event_id": event_id,
            "event_time": record.event_time,
            "received_at": record.received_at,
            "cause_topic": self.cause.topic,
            "cause_partition": self.cause.partition,
            "cause_offset": self.origin.offset,
            "cause_event_id": self.origin.event_id,
            "rules": RULES,
        }

    def noted(self, what: str, of: Record | None = None) -> Because:
        """The common fields of a note about a record. Notes are on no topic: a plain id will do."""
        record = of or self.record
        return self._because(f"{what} {record.event_id}", record)

    def refuse(self, reason: str, detail: str) -> None:
        """Say that what came now isn't allowed."""
        because = self.because("refused", self.record.event_id)
        self.conclude(Refused(**because, reason=reason, detail=detail))

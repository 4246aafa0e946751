"""Context of one decision: its input, its events so far, and the state that they lead to."""

from typing import Any, TypedDict

from reftrail.contracts.record import Millis, Record
from reftrail.rules.cells import Cells
from reftrail.rules.decider import (
    RULES,
    Cause,
    Metadata,
    Reference,
    Refused,
    cause_id_of,
    derived_id,
)
from reftrail.rules.reward.dispute_reports import DisputeCell
from reftrail.rules.reward.evolve import evolve
from reftrail.rules.reward.inputs import RewardInput, user_of
from reftrail.rules.reward.keys import code_key, day_key, referral_key
from reftrail.rules.reward.known_users import is_user_of, users_of
from reftrail.rules.reward.order import RefundCell
from reftrail.rules.reward.queue import Origin, WaitingCell
from reftrail.rules.reward.state import (
    ActionCell,
    AdjustmentCell,
    CodeCell,
    Command,
    CountCell,
    ReferralCell,
)
from reftrail.rules.reward.state_events import Event
from reftrail.rules.velocity import name_of


class OfReferral(TypedDict):
    """The fields that all state events have."""

    event_id: str
    event_time: Millis
    received_at: Millis
    code: str
    user_id: str


class DecisionContext:
    """The record that is decided on, the reference data, and the events so far.

    An event is applied to the state at once, so that later steps of the same decision see it. The
    record that is decided on may have waited, and another record's arrival ends its wait. origin
    then names the record that waited: it is the cause of the events. resumed is that record, which
    is then what a refusal is about.
    """

    def __init__(
        self, state: Cells, record: RewardInput, cause: Cause, reference: Reference
    ) -> None:
        self.state = state.draft()
        self.record = record
        self.cause = cause
        self.reference = reference
        self.origin = Origin(cause_id_of(record), cause.offset)
        self.resumed: Record | None = None
        self.events: list[Event] = []
        self.code = record.code
        self.user_id = user_of(record)
        self._code_key = code_key(self.code)
        self._key = referral_key(self.code, self.user_id)

    @property
    def usage(self) -> CodeCell:
        """The usage of the code, after the events so far."""
        return self.state.get(self._code_key, CodeCell)

    @property
    def referral(self) -> ReferralCell:
        """The referral's cell, after the events so far."""
        return self.state.get(self._key, ReferralCell)

    @property
    def users(self) -> tuple[str, ...]:
        """The other users who are known to be the referral's user."""
        return tuple(users_of(self.state, self._key))

    @property
    def person(self) -> frozenset[bytes]:
        """The names of all users who are known to be the referral's user; empty if it is one."""
        if not self.referral.users:
            return frozenset()
        return frozenset(map(name_of, (self.user_id, *self.users)))

    def is_user(self, user_id: str | None) -> bool:
        """Whether somebody is known to be the referral's user, by another id."""
        return user_id is not None and is_user_of(self.state, self._key, user_id)

    def action(self, action: str) -> ActionCell:
        """The cell of an action of the referral, after the events so far."""
        return self.state.get(f"{self._key}:a:{action}", ActionCell)

    def waiting(self, event_id: str) -> WaitingCell:
        """The cell of a claim or milestone that waits, by its event_id."""
        return self.state.get(f"{self._key}:w:{event_id}", WaitingCell)

    def adjustment(self, adjustment_id: str) -> AdjustmentCell:
        """The cell of an adjustment of the referral, after the events so far."""
        return self.state.get(f"{self._key}:m:{adjustment_id}", AdjustmentCell)

    def refund(self, name: str) -> RefundCell:
        """The cell of a refund (`refund_name`), after the events so far."""
        return self.state.get(f"{self._key}:f:{name}", RefundCell)

    def dispute(self, name: str) -> DisputeCell:
        """The cell of a dispute (`dispute_name`), after the events so far."""
        return self.state.get(f"{self._key}:g:{name}", DisputeCell)

    def limit(self, limit_key: str) -> CountCell:
        """The number of the user's rewards that count under a limit."""
        return self.state.get(f"{self._key}:l:{limit_key}", CountCell)

    def users_on(self, day: int) -> int:
        """The number of users who count under the code on a UTC day."""
        return self.state.get(day_key(self.code, day), CountCell).count

    def is_carried(self, its_id: str) -> bool:
        """Whether a side that a review has ended was carried to this referral before."""
        return self.state.get(f"{self._key}:c:{its_id}", Command).is_done

    def get(self, suffix: str, kind: type[Any]) -> Any:
        """A cell of the referral, by the rest of its key after the referral."""
        return self.state.get(f"{self._key}:{suffix}", kind)

    def apply(self, *events: Event) -> None:
        """Add events in this order, and apply them to the state."""
        for event in events:
            self.events.append(event)
            evolve(self.state, event)

    def metadata(self, *words: str, of: Record | None = None) -> Metadata:
        """The common fields of a derived record. Its id follows from words.

        Its times are those of the record of, or else of the record that is decided on.
        """
        record = of or self.record
        return {
            "event_id": derived_id(*words),
            "event_time": record.event_time,
            "received_at": record.received_at,
            "cause_topic": self.cause.topic,
            "cause_partition": self.cause.partition,
            "cause_offset": self.origin.offset,
            "cause_event_id": self.origin.event_id,
            "rules": RULES,
        }

    def noted(self) -> OfReferral:
        """The common fields of a state event. It is on no topic, so it has the record's own id."""
        record = self.record
        return {
            "event_id": record.event_id,
            "event_time": record.event_time,
            "received_at": record.received_at,
            "code": self.code,
            "user_id": self.user_id,
        }

    def resume(self, record: Record, origin: Origin) -> None:
        """Go on with a record that waited."""
        self.resumed, self.origin = record, origin

    def refuse(self, reason: str, detail: str) -> None:
        """Refuse the record, or the one that waited: it becomes a dead letter with this reason."""
        about = [self.record.event_id]
        if self.resumed is not None:
            about = [self.resumed.event_id, detail]
        common = self.metadata("refused", *about)
        self.apply(Refused(**common, reason=reason, detail=detail, payload=self.resumed))

"""The interface of a rule, and the reference data that it may read besides its state."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol, TypedDict, TypeVar, final, runtime_checkable

import msgspec
from uuid_utils import UUID, uuid5

from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.record import Derived, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged

RULES: Final = "9"
"""The version of the deciders, named in each derived record. Raised when one decides otherwise."""

_NAMESPACE: Final = UUID("6f1f6d5e-3f0b-5a6e-9d0f-7a7265667472")

S = TypeVar("S")


class Cause(msgspec.Struct, frozen=True):
    """The position in the log of the record that is decided on. The topic is without prefix."""

    topic: str
    partition: int
    offset: int


class Reference(Protocol):
    """Codes, campaigns and lists, as the host knows them at the decision."""

    def campaign(self, campaign_id: str | None, at: Millis) -> CampaignDefined | None:
        """The version of a campaign in force at a time; None if there is none."""

    def refers_by_campaign(self) -> bool:
        """Whether a campaign may refer users that another one has referred."""

    def code(self, code: str) -> CodeChanged | None:
        """The record of a code; None if it isn't registered."""

    def code_if_known(self, code: str) -> CodeChanged | None:
        """The record of a code, if the host has read it. It isn't waited for."""

    def listed(self, subject: str, value: str, at: Millis) -> Listed | None:
        """The entry of the allow and block lists that is in force at a time, if it was read."""


class Decider(Protocol[S]):
    """A rule for one key. Events follow from records, and state follows from events.

    decide is called once for each record, in the order of the log. evolve is then called for each
    of the events, in their order. Both depend on their arguments alone.
    """

    def decide(self, state: S, record: Any, cause: Cause, reference: Reference) -> Sequence[Record]:
        """The events that follow from a record."""

    def evolve(self, state: S, record: Any) -> S:
        """The state after an event."""


@runtime_checkable
class Settling(Protocol[S]):
    """A decider that returns the state together with the events, so that none is applied twice."""

    def settle(
        self, state: S, record: Any, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Record], S]:
        """The events of `Decider.decide`, and the state after `Decider.evolve` of all of them."""


@final
class TimerFired(Derived, frozen=True, kw_only=True):
    """A timer that fired: it is event_time now, and a key has a timer that is due.

    The host gives it to the decider on a tick, or on another record that tells the time. Its fields
    are those from which the stage computes its keys. It is on no topic: its cause is that record.
    """

    code: str = ""
    user_id: str = ""
    signal: str = ""
    action: str = ""
    visitor_id: str = ""


@final
class Refused(Derived, frozen=True, kw_only=True):
    """The refusal of a record. It changes nothing, and becomes a dead letter.

    reason is a stable name; detail says what was asked for, and why it isn't possible. payload is
    the record that is refused, with its own position as the cause, where that isn't the record that
    came now.
    """

    reason: str
    detail: str
    payload: Record | None = None


class Metadata(TypedDict):
    """The fields of a derived record that say where it comes from."""

    event_id: str
    event_time: Millis
    received_at: Millis
    cause_topic: str
    cause_partition: int
    cause_offset: int
    cause_event_id: str
    rules: str


def metadata(record: Record, cause: Cause, what: str = "") -> Metadata:
    """The common fields of a record derived from another; what distinguishes several from one.

    Without what the id is the record's own: for events that go to no topic, and where the caller
    sets another id.
    """
    return {  # written like this, it takes half as long as by the name of its type
        "event_id": derived_id(what, record.event_id) if what else record.event_id,
        "event_time": record.event_time,
        "received_at": record.received_at,
        "cause_topic": cause.topic,
        "cause_partition": cause.partition,
        "cause_offset": cause.offset,
        "cause_event_id": (  # as cause_id_of does: a call less for every record derived
            record.cause_event_id if type(record) is TimerFired else record.event_id
        ),
        "rules": RULES,
    }


def cause_id_of(record: Record) -> str:
    """The event_id of the message that a decision follows from; for a timer, of the tick."""
    return record.cause_event_id if type(record) is TimerFired else record.event_id


def fingerprint(text: str) -> int:
    """A text as eight bytes. Among the texts of one state, no two are alike."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def derived_id(*parts: str) -> str:
    """A UUIDv5 of some words. The same words always give the same id."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))

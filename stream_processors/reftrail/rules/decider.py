"""What a rule is, and what it may look at besides its own state."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol, TypedDict, TypeVar, runtime_checkable

import msgspec
from uuid_utils import UUID, uuid5

from reftrail.contracts.life import Listed
from reftrail.contracts.record import Derived, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged

RULES: Final = "3"
"""The version of the deciders, named in what they conclude. Raised when one decides otherwise."""

_NAMESPACE: Final = UUID("6f1f6d5e-3f0b-5a6e-9d0f-7a7265667472")

S = TypeVar("S")


class Cause(msgspec.Struct, frozen=True):
    """Where the record being decided on stands in the log: topic without prefix."""

    topic: str
    partition: int
    offset: int


class Reference(Protocol):
    """Codes, campaigns and lists, as known to the host when it decides."""

    def campaign(self, campaign_id: str | None, at: Millis) -> CampaignDefined | None:
        """The version of a campaign in force at a time; None if there is none."""

    def refers_by_campaign(self) -> bool:
        """Whether a campaign may refer users that another one has referred."""

    def code(self, code: str) -> CodeChanged | None:
        """A code as it stands; None if it isn't registered."""

    def code_if_known(self, code: str) -> CodeChanged | None:
        """A code as far as the host has read by now. None says nothing: nobody looks further."""

    def listed(self, subject: str, value: str, at: Millis) -> Listed | None:
        """The entry of the allow and block lists that is in force at a time, read by now."""


class Decider(Protocol[S]):
    """A rule for one key: records follow from records, state follows from what was concluded.

    decide is asked once for each record, in the order of the log; evolve is then applied to each
    of its answers, in order. Both are functions of their arguments alone.
    """

    def decide(self, state: S, record: Any, cause: Cause, reference: Reference) -> Sequence[Record]:
        """What follows from this record."""

    def evolve(self, state: S, record: Any) -> S:
        """The state after something was concluded."""


@runtime_checkable
class Settling(Protocol[S]):
    """A decider that has the state after its conclusions at hand, so that none is folded again."""

    def settle(
        self, state: S, record: Any, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Record], S]:
        """What `Decider.decide` concludes, and what `Decider.evolve` makes of all that."""


class Woken(Derived, frozen=True, kw_only=True):
    """It is event_time now, and a key has something to do: what a host asks a decider on a tick.

    The key is given by the fields that the stage's keys are computed from. It is on no topic: its
    cause is the tick.
    """

    code: str = ""
    user_id: str = ""
    signal: str = ""
    action: str = ""


class Refused(Derived, frozen=True, kw_only=True):
    """A record asks for what isn't allowed as things stand. Nothing changes; a dead letter says so.

    reason is a stable word; detail says what was asked for, and what stands against it. payload is
    the record that it is about, with its own place as the cause, where that isn't the record that
    came now.
    """

    reason: str
    detail: str
    payload: Record | None = None


class Because(TypedDict):
    """The fields of a derived record that say where it comes from."""

    event_id: str
    event_time: Millis
    received_at: Millis
    cause_topic: str
    cause_partition: int
    cause_offset: int
    cause_event_id: str
    rules: str


def because(record: Record, cause: Cause, what: str = "") -> Because:
    """The common fields of a record derived from another; what tells apart several from one.

    Without it the id is the record's own: for an event that goes to no topic, and where the caller
    sets another.
    """
    return {  # written like this, it takes half as long as by the name of its type
        "event_id": derived_id(what, record.event_id) if what else record.event_id,
        "event_time": record.event_time,
        "received_at": record.received_at,
        "cause_topic": cause.topic,
        "cause_partition": cause.partition,
        "cause_offset": cause.offset,
        "cause_event_id": (  # as cause_id_of does: a call less for every record derived
            record.cause_event_id if isinstance(record, Woken) else record.event_id
        ),
        "rules": RULES,
    }


def cause_id_of(record: Record) -> str:
    """The event_id of the message that a decision on a record follows from: of waking, the tick."""
    return record.cause_event_id if isinstance(record, Woken) else record.event_id


def fingerprint(text: str) -> int:
    """A name as eight bytes: among the few hundred that a state has, no two have the same."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def derived_id(*parts: str) -> str:
    """A UUIDv5 of some words: the same words, the same id, for ever."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))

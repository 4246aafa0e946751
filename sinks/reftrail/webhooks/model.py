"""A webhook, its deliveries, and what becomes of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reftrail.contracts.record import Millis


class DeliveryState(StrEnum):
    """What has become of a delivery. A failed one isn't tried again by itself."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class SigningKey(NamedTuple):
    """A secret as the receiver has it (`whsec_...`), and the name by which both know it."""

    key_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver: its address, the topics it gets, and the keys that sign, the newest first.

    topics are without the installation's prefix. generation grows when it is to read elsewhere.
    note says what it has missed, if anything.
    """

    webhook_id: str
    url: str
    topics: tuple[str, ...]
    keys: tuple[SigningKey, ...]
    created_at: Millis
    generation: int
    note: str | None = None


class LogPlace(NamedTuple):
    """The place of a record. topic is without the installation's prefix."""

    topic: str
    partition: int
    offset: int


class Message(NamedTuple):
    """A record as receivers get it. message_id is the same whenever the record is sent."""

    place: LogPlace
    message_id: str
    kind: str
    body: str


class Due(NamedTuple):
    """A delivery that is to be tried now, after so many attempts."""

    place: LogPlace
    message_id: str
    body: str
    attempts: int
    taken_at: Millis


class Delivery(NamedTuple):
    """A delivery as it is listed. due_at is when it is tried next, or was settled."""

    place: LogPlace
    message_id: str
    kind: str
    state: DeliveryState
    attempts: int
    taken_at: Millis
    due_at: Millis
    detail: str | None

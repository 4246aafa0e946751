"""Records that no host can take, as a foreign writer may write them; and what must become of each.

Every one of them is in the dead letters exactly once for each host that can't take it, with the
reason, its payload (the beginning, size and hash of a large one) and its place.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from kafka import KafkaProducer

from crash.findings import some
from crash.terms import customers_code
from reftrail.contracts.codec import FRAME, encode
from reftrail.contracts.dead_letters import MOST_PAYLOAD
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.events import Click, Event, Purchase, Signup
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.installation import Installation
from reftrail.contracts.partitions import partition_of
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    EVENTS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    TICKS,
)
from reftrail.engine.dead_letters import UNDECIDABLE, UNDECODABLE, WRONG_PARTITION

REASONS: Final = frozenset({UNDECODABLE, UNDECIDABLE, WRONG_PARTITION})
_LAST_MILLISECOND: Final = 2**63 - 1
_LARGE: Final = 3 << 20
_NO_SCHEMA: Final = 1 << 30
_TOUCH: Final = "touch"
_WAREHOUSE: Final = "warehouse"

Letters = Mapping[str, str]
"""Reasons by the stage that can't take a record."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A message, where it is written, and which dead letters it leads to."""

    kind: str
    topic: Topic
    partition: int
    key: bytes | None
    value: bytes | None
    letters: Letters


def poison(number: int, partitions: int, at: Millis) -> list[Poison]:
    """One message of each kind; those of another number are others."""
    return [*_unreadable(number, partitions, at), *_undecidable(number, partitions, at)]


def write(installation: Installation, messages: Iterable[Poison]) -> None:
    """Write them compressed, as some clients do, and return when all are acknowledged.

    A broker that was killed is waited for. Raises `KafkaError` if that takes a minute.
    """
    producer = KafkaProducer(
        bootstrap_servers=installation.bootstrap_servers,
        acks="all",
        compression_type="gzip",
        max_request_size=2 * _LARGE,
        delivery_timeout_ms=60_000,
        max_block_ms=60_000,
    )
    try:
        sent = [
            producer.send(
                installation.name_of(message.topic),
                key=message.key,
                value=message.value,
                partition=message.partition,
            )
            for message in messages
        ]
        for future in sent:
            future.get(timeout=60)
    finally:
        producer.close()


def _unreadable(number: int, partitions: int, at: Millis) -> Iterator[Poison]:
    """Those that don't read as a record of their topic."""
    partition = number % partitions
    by_both = {_TOUCH: UNDECODABLE, _WAREHOUSE: UNDECODABLE}
    review = Reviewed(
        event_id=f"astray-{number}",
        event_time=at,
        received_at=at,
        code="X",
        user_id="x",
        decision="approve",
        reviewer="nobody",
    )
    click = _click(number, at)
    broken = encode(click).replace(b"\x02", b"\x7e", 1)  # a string that is longer than the rest
    text = f"garbage {number} ".encode()
    values: Mapping[str, bytes | None] = {
        "no record": f"no record {number}".encode(),
        "nothing at all": None,
        "three megabytes": (text * (_LARGE // len(text) + 1))[:_LARGE],
        "a record of another topic": encode(review),
        "an unknown kind": FRAME.pack(0, _NO_SCHEMA + number) + b"whatever",
        "a record that breaks off": encode(click)[:-3],
        "a record with a wrong length": broken,
    }
    for kind, value in values.items():
        yield Poison(kind, EVENTS, partition, b"anything", value, by_both)
    for topic, readers in _READERS.items():
        value = f"no record of {topic.name} {number}".encode()
        letters = dict.fromkeys(readers, UNDECODABLE)
        yield Poison(f"no record of {topic.name}", topic, partition, None, value, letters)


_READERS: Final[Mapping[Topic, Sequence[str]]] = {
    TICKS: ("ticks",),
    REVIEWS: ("reviews", _WAREHOUSE),
    FULFILMENTS: ("fulfilments", _WAREHOUSE),
    REWARD_INPUTS: ("reward",),
    REWARD_GRANTED: ("fulfilment", _WAREHOUSE),
}
"""The host that puts a message aside that isn't a record."""


def _undecidable(number: int, partitions: int, at: Millis) -> Iterator[Poison]:
    """Those that are records of theirs: the warehouse takes them, the stage can't."""
    common: dict[str, Any] = {"event_time": at, "received_at": at}
    far = _click(number, at, event_time=_LAST_MILLISECOND)
    nobody = _click(number, at, event_id="", visitor_id="")
    signup = Signup(
        event_id=f"no-user-{number}", user_id="", visitor_id=f"poison-{number}", **common
    )
    bought = Purchase(
        event_id=f"no-buyer-{number}",
        user_id="",
        order_id="",
        amount_micros=1,
        currency="USD",
        **common,
    )
    events: Mapping[str, tuple[Event, str]] = {
        "a time near 2^63": (far, f"poison-{number}"),
        "a click of nobody": (nobody, ""),
        "a signup of nobody": (signup, f"poison-{number}"),
        "a purchase of nobody": (bought, ""),
    }
    for kind, (event, key) in events.items():
        yield Poison(
            kind,
            EVENTS,
            partition_of(key, partitions),
            key.encode(),
            encode(event),
            {_TOUCH: UNDECIDABLE},
        )
    astray = _click(number, at, event_id=f"astray-click-{number}", visitor_id=f"astray-{number}")
    key = EVENTS.key_of(astray)
    wrong = (EVENTS.partition(key, partitions) + 1) % partitions
    letters = {_TOUCH: WRONG_PARTITION}
    value = encode(astray)
    yield Poison("a wrong partition", EVENTS, wrong, key.encode(), value, letters)


def _click(number: int, at: Millis, **fields: Any) -> Click:
    given: dict[str, Any] = {
        "event_id": f"poison-click-{number}",
        "event_time": at,
        "received_at": at,
        "visitor_id": f"poison-{number}",
        "code": customers_code(number),
    }
    return Click(**given | fields)


Places = Sequence[tuple[int, int]]
"""Partitions and offsets."""


class _Log(Protocol):
    """The part of `Evidence` that the check looks at."""

    @property
    def poison(self) -> Sequence[tuple[Poison, Places]]: ...

    def dead_letters(self) -> list[Record]: ...


@dataclass(slots=True)
class _Due:
    """The expected dead letters, by place, and the messages there."""

    letters: defaultdict[tuple[str, int, int], dict[str, str]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    values: dict[tuple[str, int, int], bytes | None] = field(default_factory=dict)


def dead_letters(evidence: _Log) -> Iterator[str]:
    """Every poison record is dead-lettered once by each who can't take it, and nothing else is."""
    due, missing = _due(evidence)
    yield from some("written, but not on its topic", missing)
    found: list[Any] = [
        letter
        for letter in evidence.dead_letters()
        if isinstance(letter, DeadLettered) and letter.reason in REASONS
    ]
    counts = Counter((*_place(letter), letter.stage, letter.reason) for letter in found)
    expected = Counter(
        (*place, stage, reason)
        for place, letters in due.letters.items()
        for stage, reason in letters.items()
    )
    yield from some("poison that is no dead letter", (expected - counts).elements())
    yield from some("a dead letter too many", (counts - expected).elements())
    wrong = [letter for letter in found if not _has_payload(letter, due.values.get(_place(letter)))]
    yield from some("a dead letter without its payload", map(_place, wrong))


def _due(evidence: _Log) -> tuple[_Due, list[str]]:
    due, missing = _Due(), []
    for message, places in evidence.poison:
        if not places:
            missing.append(f"{message.kind} on {message.topic.name}")
        for partition, offset in places:
            at = (message.topic.name, partition, offset)
            due.letters[at].update(message.letters)
            due.values[at] = message.value
    return due, missing


def _place(letter: DeadLettered) -> tuple[str, int, int]:
    return letter.topic, letter.partition, letter.offset


def _has_payload(letter: DeadLettered, value: bytes | None) -> bool:
    if value is None or len(value) <= MOST_PAYLOAD:
        return letter.payload == value and letter.payload_size is None
    return (
        letter.payload == value[:MOST_PAYLOAD]
        and letter.payload_size == len(value)
        and letter.payload_sha256 == hashlib.sha256(value).hexdigest()
    )

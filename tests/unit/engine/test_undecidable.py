"""Records that a decider or an encoder can't take: the same dead letters in both hosts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from support.timers import TIMERS, review

from reftrail.contracts.codec import decode_as, encode
from reftrail.contracts.dead_letters import MOST_DETAIL, MOST_KEY, MOST_PAYLOAD, dead_letter
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.errors import NewerVersionNeeded
from reftrail.contracts.events import Click, Signup
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.topics import DEAD_LETTERS, EVENTS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Message
from reftrail.engine.outcome import Outcome
from reftrail.engine.prefilter import TouchPrefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage, UnknownStateError
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.rules.decider import TimerFired
from reftrail.testing import campaign, code

T0 = 1_790_000_000_000
TOUCH = STAGES["touch"]


def click(visitor: str = "v1", at: int = T0, **overrides: Any) -> Click:
    common: dict[str, Any] = {"event_id": f"click {visitor} {at}", "received_at": T0}
    return Click(event_time=at, visitor_id=visitor, code="AMY", **(common | overrides))


def tick_at(time: int) -> Ticked:
    return Ticked(
        event_id=f"tick {time}", event_time=time, received_at=time, partition=0, partitions=1
    )


def decide(
    stage: Stage,
    values: Sequence[bytes | None],
    *,
    store: StateStore | None = None,
    partitions: int = 1,
    prefilter: TouchPrefilter | None = None,
) -> Outcome:
    """The outcome of the Kafka host for messages in partition 0."""
    count = len(values)
    chunk = Chunk(0, count, list(range(count)), [T0] * count, [b"key"] * count, list(values))
    work = StageOfPartition(stage, 0, partitions)
    return work.decide(chunk, store or StateStore(stage), ReferenceTables([campaign()]), prefilter)


def letters_of(outcome: Outcome) -> list[DeadLettered]:
    return [
        decode_as(DeadLettered, value)
        for (topic, _), messages in outcome.messages.items()
        if topic is DEAD_LETTERS
        for _, value in messages
    ]


def in_memory(stage: Stage, values: Sequence[bytes | None], partitions: int = 1) -> MemoryHost:
    """The outcome of the memory host for the same."""
    host = MemoryHost((stage,), partitions=partitions)
    host.reference = ReferenceTables([campaign()])
    for offset, value in enumerate(values):
        host.publish_message(stage.reads, 0, Message(offset, b"key", value, T0))
    return host.run()


ODD = {
    "no visitor": (click(""), "ValueError: event click"),
    "a signup of nobody": (
        Signup(event_id="s", event_time=T0, received_at=T0, visitor_id="v1", user_id=""),
        "ValueError: event s has an empty user_id",
    ),
    "a time near the end": (click("late", 2**63 - 5), "OverflowError: "),
    "an id as large as a message": (click("large", event_id="x" * 600_000), "TooLargeError: "),
    "a key half as large": (click("v" * 300_000), "TooLargeError: a key of 300000 and "),
}


@pytest.mark.parametrize(("odd", "why"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("prefilter", [None, TouchPrefilter(fewest=2)])
def test_what_cannot_be_taken_is_a_dead_letter_and_all_else_is_decided_as_without_it(
    odd: Record, why: str, prefilter: TouchPrefilter | None
) -> None:
    good = [encode(click(f"v{n}", T0 + n)) for n in range(9)]
    values = [*good[:4], encode(odd), *good[4:]]
    found = decide(TOUCH, values, prefilter=prefilter)
    (letter,) = letters_of(found)
    assert letter.reason == "undecidable"
    assert letter.detail.startswith(why)
    assert (letter.topic, letter.partition, letter.offset) == ("events", 0, 4)
    assert found.dead == {"undecidable": 1}
    assert found.changes == decide(TOUCH, [*good[:4], None, *good[4:]]).changes
    assert len(found.changes) == 9

    host = in_memory(TOUCH, values)
    assert host.log(DEAD_LETTERS) == [letter]
    assert host.states(TOUCH) == found.changes


def test_a_record_in_a_partition_that_is_not_its_keys_is_a_dead_letter() -> None:
    """As librdkafka's default partitioner puts it, and nobody would ever have found it."""
    other = next(v for n in range(99) if EVENTS.partition(v := f"v{n}", 4) != 0)
    own = next(v for n in range(99) if EVENTS.partition(v := f"v{n}", 4) == 0)
    values = [encode(click(other)), encode(click(own))]
    found = decide(TOUCH, values, partitions=4)
    (letter,) = letters_of(found)
    assert letter.reason == "wrong_partition"
    right = EVENTS.partition(other, 4)
    assert letter.detail.startswith(f"the key '{other}' belongs into partition {right} of 4")
    assert list(found.changes) == [own]
    host = in_memory(TOUCH, values, partitions=4)
    assert host.log(DEAD_LETTERS) == [letter]


class Failing:
    """The timers' decider, which can't take some records."""

    def __init__(self, error: BaseException, which: type[Record]) -> None:
        self.error, self.which = error, which

    def decide(self, state: Any, record: Any, *given: Any) -> Any:
        if isinstance(record, self.which) and getattr(record, "user_id", "") != "good":
            raise self.error
        return TIMERS.decider.decide(state, record, *given)

    def evolve(self, state: Any, record: Any) -> Any:
        return TIMERS.decider.evolve(state, record)


@pytest.mark.parametrize(
    "fault", [MemoryError(), UnknownStateError("key", int), NewerVersionNeeded("another")]
)
def test_a_fault_of_the_worker_ends_it(fault: BaseException) -> None:
    stage = replace(TOUCH, decider=Failing(fault, Click))
    with pytest.raises(type(fault)):
        decide(stage, [encode(click())])
    with pytest.raises(type(fault)):
        in_memory(stage, [encode(click())])


def test_a_key_that_a_tick_wakes_in_vain_is_fired_once() -> None:
    stage = replace(TIMERS, decider=Failing(ValueError("no"), TimerFired))
    store = StateStore(stage)
    values = [encode(review("set", user, user, T0, "1 1")) for user in ("bad", "good")]
    first = decide(stage, [*values, encode(tick_at(T0 + 5)), encode(tick_at(T0 + 6))])
    store.apply(first.changes, None, first.silenced)
    (letter,) = letters_of(first)
    assert (letter.reason, letter.detail) == ("undecidable", "ValueError: no")
    host = in_memory(stage, [*values, encode(tick_at(T0 + 5)), encode(tick_at(T0 + 6))])
    assert host.log(DEAD_LETTERS) == [letter]


def test_a_campaign_whose_policy_cannot_be_read_spoils_only_what_is_decided_by_it() -> None:
    tables = ReferenceTables([campaign("odd", policy='{"novel": 1}'), campaign(), code("AMY")])
    assert tables.campaign("odd", T0) is not None
    with pytest.raises(NewerVersionNeeded, match="version 7 of the policy language"):
        tables.apply(campaign("odd", policy='{"language": 7, "novel": 1}'))


def test_a_dead_letter_always_fits() -> None:
    letter = dead_letter(
        event_id="x",
        stage="touch",
        reason="undecidable",
        detail="ä" * 5_000,
        topic="events",
        partition=1,
        offset=2,
        timestamp=T0,
        message_key=b"k" * 3_000_000,
        payload=b"p" * 3_000_000,
    )
    assert len(letter.message_key or b"") == MOST_KEY
    assert len(letter.payload or b"") == MOST_PAYLOAD
    assert letter.payload_size == 3_000_000
    assert len(letter.detail.encode()) <= MOST_DETAIL
    small = msgspec.structs.replace(letter, payload=b"p", payload_size=None, payload_sha256=None)
    assert len(encode(small)) < len(encode(letter)) < 200_000

"""The check of what became of poison finds what it is there for; and all kinds are poison."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from support.log import Logged, Raw

from crash.evidence import Evidence, decoded, places_of
from crash.faultless_run import PARTITIONS, T0, faultless_run
from crash.poison import Poison, dead_letters, poison
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.topics import DEAD_LETTERS, EVENTS
from reftrail.engine.memory import MemoryHost
from reftrail.engine.memory_log import Message
from reftrail.engine.topology import STAGES
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.warehouse.blocks import UnloadableMessage
from reftrail.warehouse.dead_letters import letter

MESSAGES = poison(0, PARTITIONS, T0)
ON_EVENTS = [message for message in MESSAGES if message.topic is EVENTS]
FIRST = 10_000


def poisoned() -> Evidence:
    """The evidence where each poison record on `events` was dead-lettered as it should be."""
    found = faultless_run()
    host = MemoryHost((STAGES["touch"],), partitions=PARTITIONS)
    raw = list(_raw(ON_EVENTS))
    for message in raw:
        at = Message(message.offset, message.key, message.value, T0)
        host.publish_message(EVENTS, message.partition, at)
    letters = [*host.run().log(DEAD_LETTERS), *map(_of_warehouse, _unreadable(raw))]
    placed = [Logged(0, FIRST + n, "", letter) for n, letter in enumerate(letters)]
    log = {**found.log, DEAD_LETTERS: [*found.log[DEAD_LETTERS], *placed]}
    return replace(found, log=log, poison=places_of(ON_EVENTS, {EVENTS: raw}))


def _raw(messages: Sequence[Poison]) -> Sequence[Raw]:
    return [
        Raw(message.partition, FIRST + n, message.key, message.value)
        for n, message in enumerate(messages)
    ]


def _unreadable(raw: Sequence[Raw]) -> list[Raw]:
    due = {
        (poison.partition, poison.value) for poison in ON_EVENTS if "warehouse" in poison.letters
    }
    return [message for message in raw if (message.partition, message.value) in due]


def _of_warehouse(message: Raw) -> DeadLettered:
    at = LogPosition(message.partition, message.offset)
    return letter(EVENTS, UnloadableMessage(at, T0, message.key, message.value, "why"))


def with_letters(found: Evidence, letters: Sequence[Any]) -> Evidence:
    return replace(found, log={**found.log, DEAD_LETTERS: letters})


def test_every_kind_is_put_aside_by_the_stage_as_expected() -> None:
    assert len({message.kind for message in MESSAGES}) == len(MESSAGES)
    assert list(dead_letters(poisoned())) == []


def test_a_letter_that_is_missing_or_there_twice_is_found() -> None:
    found = poisoned()
    letters = found.log[DEAD_LETTERS]
    assert "poison that is no dead letter: 1" in "".join(
        dead_letters(with_letters(found, letters[:-1]))
    )
    assert "a dead letter too many: 1" in "".join(
        dead_letters(with_letters(found, [*letters, letters[-1]]))
    )


def test_the_warehouse_may_repeat_a_letter_for_each_time_that_it_was_killed() -> None:
    found = replace(poisoned(), repeats={"warehouse": 1})
    letters = found.log[DEAD_LETTERS]
    assert letters[-1].record.stage == "warehouse"
    assert list(dead_letters(with_letters(found, [*letters, letters[-1]]))) == []
    of_a_stage = next(letter for letter in letters if letter.record.stage == "touch")
    for too_many in ([letters[-1], letters[-1]], [of_a_stage]):
        wrong = "".join(dead_letters(with_letters(found, [*letters, *too_many])))
        assert "a dead letter too many: 1" in wrong


def test_a_record_of_another_topic_is_no_record_in_the_log() -> None:
    raw = list(_raw(ON_EVENTS))
    ((astray,),) = [
        places
        for message, places in places_of(ON_EVENTS, {EVENTS: raw})
        if message.kind == "a record of another topic"
    ]
    there = {(at.partition, at.offset) for at in decoded({EVENTS: raw})[EVENTS]}
    assert there
    assert astray not in there


@pytest.mark.parametrize("kind", ["no record", "three megabytes"])
def test_a_letter_without_its_payload_is_found(kind: str) -> None:
    found = poisoned()
    ((at,),) = [places for message, places in found.poison if message.kind == kind]

    def emptied(logged: Logged) -> Logged:
        record = logged.record
        if (record.partition, record.offset) != at:
            return logged
        return replace(logged, record=msgspec.structs.replace(record, payload=b"x"))

    changed = [emptied(logged) for logged in found.log[DEAD_LETTERS]]
    assert "a dead letter without its payload: 2" in "".join(
        dead_letters(with_letters(found, changed))
    )


def test_poison_that_never_came_to_its_topic_is_found() -> None:
    found = poisoned()
    lost = [(message, ()) for message, _ in found.poison]
    assert "written, but not on its topic" in "".join(dead_letters(replace(found, poison=lost)))

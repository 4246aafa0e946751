"""Every check finds what it is there for, and passes what is right."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from kafka import TopicPartition

from crash.evidence import Evidence
from crash.facts import Facts
from crash.faultless_run import T0, changed, doubled, faultless_run, with_one_more, without
from crash.invariants import violations
from crash.takeover import Killed, Takeover
from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.events import UsersMerged
from reftrail.contracts.record import HOUR
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    CLAIMS,
    CONVERSIONS,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TOUCHES,
)


@pytest.mark.parametrize("order", [None, 1, 2, 3, 4, 5, 6, 7, 8])
def test_what_is_right_passes_in_whatever_order(order: int | None) -> None:
    assert violations(faultless_run(order)) == {}


def test_who_comes_first_under_a_limit_depends_on_the_order() -> None:
    """Else the test above would not try what it is for."""
    earning = {
        frozenset(
            record.user_id
            for record in faultless_run(order).records(REWARD_GRANTED)
            if isinstance(record, RewardGranted) and record.code == "FEW"
        )
        for order in range(1, 9)
    }
    assert len(earning) > 1
    assert {len(users) for users in earning} == {2}


def with_facts(it: Evidence, topic: Topic, change: Callable[[Facts], Facts]) -> Evidence:
    return replace(it, facts={**it.facts, topic: change(it.facts[topic])})


def served_after(it: Evidence, seconds: float | None, *, others_died: bool = False) -> Evidence:
    partition = TopicPartition("referral.events", 0)
    killed = Killed(0.0, "worker-1", frozenset({partition}))
    return replace(it, takeovers=[Takeover(killed, partition, seconds, others_died)])


FAULTS: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "an acknowledged event is lost": (
        lambda it: replace(it, acknowledged=it.acknowledged | {"lost"}),
        "acknowledged",
    ),
    "a touch is lost": (lambda it: without(it, TOUCHES), "decisions"),
    "a conversion is lost": (lambda it: without(it, CONVERSIONS), "decisions"),
    "a conversion is doubled": (lambda it: doubled(it, CONVERSIONS), "topics"),
    "a claim is lost": (lambda it: without(it, CLAIMS), "decisions"),
    "a claim is doubled": (lambda it: doubled(it, CLAIMS), "topics"),
    "a claim is not decided on": (lambda it: without(it, REWARD_INPUTS), "replay"),
    "a touch is another": (lambda it: changed(it, TOUCHES, code="X"), "decisions"),
    "a claim has another cause": (
        lambda it: changed(it, CLAIMS, cause_offset=99),
        "replay",
    ),
    "a grant has another cause": (
        lambda it: changed(it, REWARD_GRANTED, cause_event_id="x"),
        "replay",
    ),
    "a reward is lost": (lambda it: without(it, REWARDS), "replay"),
    "a reward is doubled": (lambda it: doubled(it, REWARDS), "replay"),
    "a reward has another value": (
        lambda it: changed(it, REWARDS, value_micros=1),
        "replay",
    ),
    "a report is doubled": (lambda it: doubled(it, FULFILMENTS), "topics"),
    "a dead letter is doubled": (lambda it: doubled(it, DEAD_LETTERS), "topics"),
    "a dead letter is lost": (lambda it: without(it, DEAD_LETTERS), "replay"),
    "an order is lost": (lambda it: without(it, REWARD_GRANTED), "grants"),
    "an order is doubled": (lambda it: doubled(it, REWARD_GRANTED), "grants"),
    "a row is missing": (
        lambda it: with_facts(it, EVENTS, lambda f: replaced(f, stored={"c-u0": 1})),
        "tables",
    ),
    "a row is doubled": (
        lambda it: with_facts(it, EVENTS, lambda f: replaced(f, stored={**f.stored, "s-u8": 2})),
        "tables",
    ),
    "a fact is counted twice": (
        lambda it: with_facts(it, REWARDS, lambda f: replaced(f, seen={**f.seen, "x": 1})),
        "tables",
    ),
    "a position lags": (
        lambda it: replace(it, positions={at: max(0, end - 1) for at, end in it.positions.items()}),
        "positions",
    ),
    "a partition is never served": (lambda it: served_after(it, None), "takeover"),
    "a partition is served late": (lambda it: served_after(it, 10.1), "takeover"),
}


def replaced(found: Facts, **fields: dict[str, int]) -> Facts:
    return msgspec.structs.replace(found, **fields)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    put_in, check = FAULTS[fault]
    assert check in violations(put_in(faultless_run()))


def test_nobody_is_blamed_for_being_late_when_nobody_was_there() -> None:
    assert violations(served_after(faultless_run(), 10.1, others_died=True)) == {}
    assert violations(served_after(faultless_run(), 9.9)) == {}


def test_to_whom_a_merged_person_is_attributed_is_checked() -> None:
    it = faultless_run()
    like = next(at for at in it.log[EVENTS] if at.record.event_id == "p-u1")
    merge = UsersMerged(
        event_id="merge",
        event_time=T0 + HOUR,
        received_at=T0 + HOUR,
        user_id="u1",
        merged_into="u0",
    )
    found = violations(with_one_more(it, EVENTS, like, merge))
    assert found["people"] == ["merged, and attributed: 1 (u0 to FEW)"]

"""Every check finds what it is there for, and passes what is right."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest
from kafka import TopicPartition
from support.log import Logged

from crash.books import violations
from crash.evidence import LOGGED, Evidence
from crash.facts import Facts
from crash.takeover import Killed, Takeover
from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.events import Click, Event, Purchase, Signup
from reftrail.contracts.record import MINUTE
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CLAIMS,
    CODES,
    CONVERSIONS,
    EVENTS,
    PUBLIC_TOPICS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TOUCHES,
    Topic,
)
from reftrail.engine.memory import MemoryHost
from reftrail.engine.topology import TOPOLOGY

T0 = 1_790_000_000_000
PARTITIONS = 3
CAMPAIGN = CampaignDefined(
    event_id="campaign",
    event_time=T0,
    received_at=T0,
    campaign_id="spring",
    version=1,
    effective_from=0,
    name="Spring",
    referrer_reward_micros=5_000_000,
)


def code(name: str, max_uses: int | None = None) -> CodeChanged:
    return CodeChanged(
        event_id=name,
        event_time=T0,
        received_at=T0,
        code=name,
        campaign_id="spring",
        owner_user_id="owner",
        created_at=T0,
        max_uses=max_uses,
    )


def events() -> list[Event]:
    """Nine users sign up a minute after a click, six by way of a code that only two may use."""
    found: list[Event] = []
    for n in range(9):
        clicked: Any = {"event_time": T0 + n, "received_at": T0 + n}
        at: Any = {"event_time": T0 + n + MINUTE, "received_at": T0 + n + MINUTE}
        found += [
            Click(event_id=f"c{n}", visitor_id=f"v{n}", code="FEW" if n % 3 else "MANY", **clicked),
            Signup(event_id=f"s{n}", visitor_id=f"v{n}", user_id=f"u{n}", **at),
            Purchase(
                event_id=f"p{n}",
                user_id=f"u{n}",
                order_id="o",
                amount_micros=1,
                currency="USD",
                **at,
            ),
        ]
    return [*found, *found[:5]]


def evidence(shuffle: int | None = None) -> Evidence:
    """What a host leaves that does everything right, in some order."""
    host = MemoryHost(
        partitions=PARTITIONS, batch=4, shuffle=None if shuffle is None else Random(shuffle)
    )
    host.publish(CAMPAIGNS, CAMPAIGN)
    host.publish(CODES, code("MANY"), code("FEW", max_uses=2))
    host.publish(EVENTS, *events())
    host.run()
    log = {
        topic: [Logged(at.partition, at.offset, "", at.record) for at in host.logged(topic)]
        for topic in LOGGED
    }
    return Evidence(
        partitions=PARTITIONS,
        acknowledged=frozenset(event.event_id for event in events()),
        log=log,
        positions={
            (stage.reads, n): len([at for at in log[stage.reads] if at.partition == n])
            for stage in TOPOLOGY
            for n in range(PARTITIONS)
        },
        facts={topic: facts(topic, log[topic]) for topic in PUBLIC_TOPICS},
    )


def facts(topic: Topic, log: Sequence[Logged]) -> Facts:
    stored: dict[str, int] = {}
    for at in log:
        stored[at.record.event_id] = stored.get(at.record.event_id, 0) + 1
    return Facts(stored, dict.fromkeys(stored, 1))


@pytest.mark.parametrize("order", [None, 1, 2, 3, 4, 5, 6, 7, 8])
def test_what_is_right_passes_in_whatever_order(order: int | None) -> None:
    assert violations(evidence(order)) == {}


def test_who_comes_first_under_a_limit_depends_on_the_order() -> None:
    """Else the test above would not try what it is for."""
    earning = {
        frozenset(
            record.user_id
            for record in evidence(order).records(REWARD_GRANTED)
            if isinstance(record, RewardGranted) and record.code == "FEW"
        )
        for order in range(1, 9)
    }
    assert len(earning) > 1
    assert {len(users) for users in earning} == {2}


def without(right: Evidence, topic: Topic) -> Evidence:
    return replace(right, log={**right.log, topic: right.log[topic][1:]})


def doubled(right: Evidence, topic: Topic) -> Evidence:
    """Its first record stands at the end of its partition once more."""
    first, *_ = found = right.log[topic]
    end = max(at.offset for at in found if at.partition == first.partition) + 1
    return replace(right, log={**right.log, topic: [*found, replace(first, offset=end)]})


def changed(right: Evidence, topic: Topic, **fields: object) -> Evidence:
    first, *others = right.log[topic]
    other = replace(first, record=msgspec.structs.replace(first.record, **fields))
    return replace(right, log={**right.log, topic: [other, *others]})


def with_facts(right: Evidence, topic: Topic, change: Callable[[Facts], Facts]) -> Evidence:
    return replace(right, facts={**right.facts, topic: change(right.facts[topic])})


def granted_beyond_the_limit(right: Evidence) -> Evidence:
    """Whoever came too late for FEW has earned nevertheless."""
    late = next(at for at in right.log[REWARDS] if "code_used_up" in at.record.reasons)
    record = msgspec.structs.replace(late.record, status="granted", reasons=[])
    log = [replace(at, record=record) if at is late else at for at in right.log[REWARDS]]
    return replace(right, log={**right.log, REWARDS: log})


def served_after(right: Evidence, seconds: float | None, *, others_died: bool = False) -> Evidence:
    partition = TopicPartition("referral.events", 0)
    killed = Killed(0.0, "worker-1", frozenset({partition}))
    return replace(right, takeovers=[Takeover(killed, partition, seconds, others_died)])


FAULTS: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "an acknowledged event is lost": (
        lambda right: replace(right, acknowledged=right.acknowledged | {"lost"}),
        "acknowledged",
    ),
    "a touch is lost": (lambda right: without(right, TOUCHES), "decisions"),
    "a conversion is lost": (lambda right: without(right, CONVERSIONS), "decisions"),
    "a conversion is doubled": (lambda right: doubled(right, CONVERSIONS), "topics"),
    "a claim is lost": (lambda right: without(right, CLAIMS), "decisions"),
    "a claim is doubled": (lambda right: doubled(right, CLAIMS), "topics"),
    "a claim is not decided on": (lambda right: without(right, REWARD_INPUTS), "replay"),
    "a touch is another": (lambda right: changed(right, TOUCHES, code="X"), "decisions"),
    "a claim has another cause": (
        lambda right: changed(right, CLAIMS, cause_offset=99),
        "replay",
    ),
    "a grant has another cause": (
        lambda right: changed(right, REWARD_GRANTED, cause_event_id="x"),
        "replay",
    ),
    "a reward is lost": (lambda right: without(right, REWARDS), "replay"),
    "a reward is doubled": (lambda right: doubled(right, REWARDS), "replay"),
    "a reward has another value": (
        lambda right: changed(right, REWARDS, value_micros=1),
        "replay",
    ),
    "a limit is exceeded": (granted_beyond_the_limit, "limits"),
    "an order is lost": (lambda right: without(right, REWARD_GRANTED), "grants"),
    "an order is doubled": (lambda right: doubled(right, REWARD_GRANTED), "grants"),
    "a row is missing": (
        lambda right: with_facts(right, EVENTS, lambda f: replaced(f, stored={"c0": 1})),
        "tables",
    ),
    "a row is doubled": (
        lambda right: with_facts(
            right, EVENTS, lambda f: replaced(f, stored={**f.stored, "s8": 2})
        ),
        "tables",
    ),
    "a fact is counted twice": (
        lambda right: with_facts(right, REWARDS, lambda f: replaced(f, seen={**f.seen, "x": 1})),
        "tables",
    ),
    "a position lags": (
        lambda right: replace(
            right, positions={at: max(0, end - 1) for at, end in right.positions.items()}
        ),
        "positions",
    ),
    "a partition is never served": (lambda right: served_after(right, None), "takeover"),
    "a partition is served late": (lambda right: served_after(right, 10.1), "takeover"),
}


def replaced(found: Facts, **fields: dict[str, int]) -> Facts:
    return msgspec.structs.replace(found, **fields)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    put_in, check = FAULTS[fault]
    assert check in violations(put_in(evidence()))


def test_nobody_is_blamed_for_being_late_when_nobody_was_there() -> None:
    assert violations(served_after(evidence(), 10.1, others_died=True)) == {}
    assert violations(served_after(evidence(), 9.9)) == {}

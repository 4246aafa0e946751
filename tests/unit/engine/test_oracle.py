"""Oracle of a log."""

from collections.abc import Iterable
from random import Random

import msgspec
from support.timers import TIMERS, TOPOLOGY, review, ticks

from reftrail.contracts.codec import encode
from reftrail.contracts.conversions import Touched
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    CAMPAIGNS,
    CODES,
    CONVERSIONS,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    LOOKUPS,
    REVIEWS,
    REWARD_INPUTS,
    REWARDS,
    TICKS,
    TOUCHES,
)
from reftrail.engine import topology
from reftrail.engine.oracle import Log, sources
from reftrail.testing import (
    Logged,
    MemoryHost,
    Message,
    campaign,
    click,
    code,
    purchase,
    recompute,
    replay,
    signup,
)

STORY = (click("AMY", at="10:00"), signup(at="10:05"), purchase("o1", at="10:30"))
TERMS = (code("AMY"), campaign())


def test_places_that_events_have_in_the_log_are_kept() -> None:
    own = [EVENTS.partition(EVENTS.key_of(event), 3) for event in STORY]
    places = [(own[0], 10), (own[1], 12), (own[2], 23)]
    events = [Logged(event, *place) for event, place in zip(STORY, places, strict=True)]
    host = recompute({EVENTS: events}, TERMS, partitions=3)
    (touched,) = host.log(TOUCHES)
    assert isinstance(touched, Touched)
    assert (touched.cause_partition, touched.cause_offset) == places[0]
    conversions = host.log(CONVERSIONS)
    assert {(c.cause_partition, c.cause_offset) for c in conversions} == {*places[1:]}  # type: ignore[attr-defined]

    near = MemoryHost()
    near.publish(CAMPAIGNS, campaign())
    near.publish(CODES, code("AMY"))
    near.publish(EVENTS, *STORY)
    assert host.ledger() == near.run().ledger()
    assert len(host.ledger()) == 2


def test_all_that_comes_from_outside_is_played() -> None:
    outside = {ADJUSTMENTS, EVENTS, REVIEWS, FULFILMENTS, TICKS}
    assert set(sources()) <= outside
    assert EVENTS in sources()
    assert sources(TOPOLOGY) == [REVIEWS, TICKS]
    assert sources((TIMERS,)) == [REWARD_INPUTS]
    assert topology.TOPOLOGY[0].reads is EVENTS


def rung_at(reviewed: Iterable[Record], ticked: Iterable[Millis]) -> list[Millis]:
    log: Log = {
        REVIEWS: [Logged(record, 0, 2 * nth) for nth, record in enumerate(reviewed)],
        TICKS: [Logged(tick, 0, 3 * nth) for nth, at in enumerate(ticked) for tick in ticks(at, 1)],
    }
    host = recompute(log, (), 1, TOPOLOGY)
    assert host.log(DEAD_LETTERS) == []
    return [record.event_time for record in host.log(REWARDS)]


def test_what_comes_from_several_sides_is_played_in_the_order_of_arrival() -> None:
    timer, stopped = review("set", "AMY", "u1", 0, "10 0"), review("stop", "AMY", "u1", 15)
    assert rung_at([timer, stopped], [9, 20]) == []
    assert rung_at([timer, review("set", "AMY", "u2", 15, "0 0")], [9, 14, 20]) == [14, 20]


def test_within_a_partition_the_order_is_that_of_the_log() -> None:
    """A record that is behind a later one in the log is played after it."""
    late = [review("set", "AMY", "u1", 15, "90 0"), review("set", "AMY", "u2", 5, "5 0")]
    assert rung_at(late, [12, 14, 16]) == [16]


def test_a_replay_of_each_stage_gives_what_was_written_in_whatever_order_it_was() -> None:
    live = MemoryHost(TOPOLOGY, partitions=2, batch=3, shuffle=Random(1))
    for n in range(10):
        live.publish(REVIEWS, review("set", f"C{n % 3}", f"u{n % 4}", n, "2 1"))
        live.publish(TICKS, *ticks(n, 2))
    live.run()
    log = {topic: live.logged(topic) for topic in (REVIEWS, TICKS, REWARD_INPUTS)}
    played = replay(log, (), 2, TOPOLOGY)
    for topic in (REWARD_INPUTS, REWARDS):
        assert sorted(map(repr, played[topic])) == sorted(map(repr, live.log(topic)))
    assert len(played[REWARDS]) > 10


def test_a_record_that_could_not_be_decided_on_is_a_dead_letter_in_a_replay_too() -> None:
    """Nor does it change the state that later records are decided on."""
    far = msgspec.structs.replace(click("BOB", at="09:00"), event_time=2**63 - 1)
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign())
    host.publish(CODES, code("AMY"))
    host.publish(EVENTS, far, *STORY)
    host.run()
    log = {topic: host.logged(topic) for topic in (EVENTS, DEAD_LETTERS, TOUCHES, LOOKUPS)}
    (touch,) = (stage for stage in topology.TOPOLOGY if stage.name == "touch")
    found = replay(log, TERMS, 1, (touch,))
    assert [letter.reason for letter in host.log(DEAD_LETTERS)] == ["undecidable"]  # type: ignore[attr-defined]
    assert {topic: found[topic] for topic in (DEAD_LETTERS, TOUCHES)} == {
        topic: host.log(topic) for topic in (DEAD_LETTERS, TOUCHES)
    }
    assert len(found[TOUCHES]) == 1


def test_a_replay_goes_by_the_broker_s_times() -> None:
    """A foreign record that says it was received next month removes no visitor."""
    day, host = 86_400_000, MemoryHost()
    first, late = click("AMY", at="10:00"), click("BOB", at="1d 10:00")
    ahead = msgspec.structs.replace(first, event_id="ahead", visitor_id="another")
    ahead = msgspec.structs.replace(ahead, received_at=first.received_at + 90 * day)
    late = msgspec.structs.replace(late, received_at=first.received_at + 59 * day)
    for offset, (event, at) in enumerate([(first, 0), (ahead, 59 * day), (late, 59 * day)]):
        value, key = encode(event), EVENTS.key_of(event).encode()
        message = Message(offset, key, value, first.received_at + at)
        host.publish_message(EVENTS, 0, message)
    (touch,) = (stage for stage in topology.TOPOLOGY if stage.name == "touch")
    touches = host.run().log(TOUCHES)
    assert [touched.visitor_id for touched in touches] == [first.visitor_id, "another"]  # type: ignore[attr-defined]
    assert replay({EVENTS: host.logged(EVENTS)}, TERMS, 1, (touch,))[TOUCHES] == touches

"""The host in memory."""

import msgspec
import pytest

from reftrail.contracts.codec import encode
from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    DeadLettered,
    RewardDecided,
    RewardGranted,
    RewardStatus,
)
from reftrail.contracts.record import Record
from reftrail.contracts.stage_messages import CheckRequested, SignalChecked
from reftrail.contracts.topics import (
    ATTRIBUTION_INPUTS,
    ATTRIBUTIONS,
    CAMPAIGNS,
    CHECKS,
    CLAIMS,
    CODES,
    CONVERSIONS,
    DEAD_LETTERS,
    EVENTS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TOUCHES,
)
from reftrail.engine.topology import STAGES, TOPOLOGY
from reftrail.rules.touch.state import TouchState
from reftrail.testing import (
    Logged,
    MemoryHost,
    Message,
    campaign,
    click,
    code,
    granted,
    purchase,
    signup,
)

STORY = (click("AMY", at="10:00"), signup(at="10:05"), purchase("o1", at="10:30"))


def with_events(host: MemoryHost) -> MemoryHost:
    host.publish(CAMPAIGNS, campaign())
    host.publish(CODES, code("AMY"))
    host.publish(EVENTS, *STORY)
    return host.run()


def causes(host: MemoryHost) -> list[tuple[str, Record]]:
    """Each record of the stages' outputs with the event_id at the place that it names as cause."""
    found = []
    by_name = {topic.name: topic for topic in (EVENTS, ATTRIBUTION_INPUTS, REWARD_INPUTS)}
    for topic in (TOUCHES, CONVERSIONS, ATTRIBUTIONS, CLAIMS, REWARDS, REWARD_GRANTED):
        for record in host.log(topic):
            at = msgspec.structs.asdict(record)
            (cause,) = (
                logged.record
                for logged in host.logged(by_name[at["cause_topic"]])
                if (logged.partition, logged.offset) == (at["cause_partition"], at["cause_offset"])
            )
            found.append((cause.event_id, record))
    return found


@pytest.mark.parametrize("wire", [True, False])
def test_a_click_leads_to_a_reward(*, wire: bool) -> None:
    host = with_events(MemoryHost(partitions=3, wire=wire))
    kinds = {
        TOUCHES: [Touched],
        CONVERSIONS: [Converted, Converted],
        ATTRIBUTIONS: [Attributed],
        CLAIMS: [Claimed, Claimed],
        CHECKS: [CheckRequested],
        REWARD_INPUTS: [Claimed, Claimed, SignalChecked],
        REWARDS: [RewardDecided, RewardDecided],
        REWARD_GRANTED: [RewardGranted, RewardGranted],
        DEAD_LETTERS: [],
    }
    assert {topic: [type(record) for record in host.log(topic)] for topic in kinds} == kinds
    assert [line.status for line in host.ledger()] == [RewardStatus.GRANTED] * 2


def test_every_record_names_the_place_of_its_cause() -> None:
    for event_id, record in causes(with_events(MemoryHost(partitions=3))):
        assert event_id == record.cause_event_id  # type: ignore[attr-defined]


def test_going_over_the_wire_changes_nothing() -> None:
    near, far = with_events(MemoryHost(wire=False)), with_events(MemoryHost(wire=True))
    for topic in (TOUCHES, CONVERSIONS, ATTRIBUTIONS, CLAIMS, REWARDS, REWARD_GRANTED):
        assert near.log(topic) == far.log(topic)
    for stage in TOPOLOGY:
        assert near.states(stage) == far.states(stage)


def test_states_are_packed_with_the_times_that_a_prefilter_needs_first() -> None:
    host = with_events(MemoryHost())
    state = host.states(TOPOLOGY[0])["v1"]
    touched = host.log(TOUCHES)[0]
    assert isinstance(touched, Touched)
    assert msgspec.msgpack.decode(state)[:2] == [touched.event_time, touched.expires_at]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(TouchState()))[:2] == [-1, -1]


@pytest.mark.parametrize("value", [b"nonsense", None, encode(granted("referee", "AMY").record())])
def test_what_is_no_event_goes_to_the_dead_letters_with_its_bytes(value: bytes | None) -> None:
    host = MemoryHost(partitions=2)
    host.publish_message(EVENTS, 1, Message(7, b"key", value, 1_000))
    host.publish_message(EVENTS, 1, Message(9, b"v1", encode(STORY[0]), 1_000))
    host.run()
    (dead,) = host.log(DEAD_LETTERS)
    assert isinstance(dead, DeadLettered)
    assert (dead.topic, dead.partition, dead.offset) == ("events", 1, 7)
    assert (dead.stage, dead.reason) == ("touch", "undecodable")
    assert (dead.message_key, dead.payload) == (b"key", value)
    assert dead.event_time == dead.received_at == 1_000
    assert dead.detail
    assert len(host.log(TOUCHES)) == 1


def test_one_stage_on_its_real_input_gives_its_real_output() -> None:
    whole = with_events(MemoryHost(partitions=3))
    reward = MemoryHost((STAGES["reward"],), partitions=3)
    reward.publish(CAMPAIGNS, campaign())
    reward.publish(CODES, code("AMY"))
    reward.publish_logged(REWARD_INPUTS, *whole.logged(REWARD_INPUTS))
    assert reward.run().logged(REWARDS) == whole.logged(REWARDS)


def test_an_offset_is_taken_once() -> None:
    host = MemoryHost()
    host.publish_logged(EVENTS, Logged(STORY[0], 0, 5))
    with pytest.raises(ValueError, match=r"events\[0\] ends at 6; offset 5 is taken"):
        host.publish_logged(EVENTS, Logged(STORY[1], 0, 5))

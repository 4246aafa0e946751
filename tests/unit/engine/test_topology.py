"""The topology agrees with the topic table, and keys meet."""

import pytest
from support.timers import ticks

from reftrail.contracts.topics import CODES, DEAD_LETTERS, EVENTS, TOPICS, Topic
from reftrail.engine.keys import (
    code_and_user_key,
    code_key,
    is_code_and_user,
    woken_pair,
    woken_signal,
)
from reftrail.engine.stage import Codes
from reftrail.engine.topology import STAGES, TOPOLOGY
from reftrail.rules.decider import Cause, Refused
from reftrail.testing import claimed


def writers(topic: Topic) -> set[str]:
    return set(topic.written_by.split(", "))


def test_stages_read_and_write_what_the_topic_table_says() -> None:
    for stage in TOPOLOGY:
        assert stage.name in stage.reads.read_by
        if stage.changelog is not None:
            assert stage.changelog.written_by == stage.name
        assert (stage.changelog is None) == (not stage.cells)
        for record, topics in stage.writes.items():
            for topic in topics:
                if record is Refused:  # the host makes a dead letter of it
                    assert topic is DEAD_LETTERS
                    continue
                assert stage.name in writers(topic)
                assert topic.record is not None
                assert issubclass(record, topic.record)
        looks_up = stage.looks_up_codes is not Codes.NONE
        assert (stage.name in CODES.read_by) == looks_up


def test_stages_take_what_their_topic_carries() -> None:
    for stage in TOPOLOGY:
        assert stage.kinds
        assert stage.reads.record is not None
        assert all(issubclass(kind, stage.reads.record) for kind in stage.kinds)


def test_whatever_is_written_for_a_stage_is_taken_by_it() -> None:
    for writing in TOPOLOGY:
        for record, topics in writing.writes.items():
            for stage in TOPOLOGY:
                if stage.reads in topics:
                    assert issubclass(record, stage.kinds), f"{stage.name} takes no {record}"


def test_every_topic_that_a_stage_writes_is_in_the_topology() -> None:
    names = set(STAGES)
    written = {topic for stage in TOPOLOGY for topics in stage.writes.values() for topic in topics}
    changelogs = {stage.changelog for stage in TOPOLOGY if stage.changelog}
    due = {topic for topic in TOPICS if writers(topic) <= names}
    assert due <= written | changelogs


def test_stages_stand_in_the_order_in_which_the_records_go() -> None:
    known = {topic for topic in TOPICS if topic == EVENTS or writers(topic).isdisjoint(STAGES)}
    for stage in TOPOLOGY:
        assert stage.reads in known
        known |= {topic for topics in stage.writes.values() for topic in topics}


def test_state_is_kept_in_the_partition_that_the_input_is_read_from() -> None:
    reward = STAGES["reward"]
    assert reward.changelog is not None
    for user in ("u1", "u2", "somebody:else"):
        claim = claimed("signup", "AMY", at="10:00", user_id=user).record()
        home = reward.reads.partition(reward.reads.key_of(claim), 12)
        keys = [cell.key_of(claim) for cell in reward.cells]
        assert [reward.changelog.partition(key, 12) for key in keys] == [home, home]


def test_no_code_s_key_is_another_s_pair() -> None:
    """Somebody may type in a code that looks like the key of a pair."""
    uses, pair = STAGES["reward"].cells
    true = claimed("signup", "AMY", at="10:00", user_id="bob").record()
    forged = claimed("signup", "AMY:bob", at="10:00").record()
    escaped = claimed("signup", "AMY%3Abob", at="10:00").record()
    keys = [cell.key_of(claim) for claim in (true, forged, escaped) for cell in (uses, pair)]
    assert len(set(keys)) == 6


@pytest.mark.parametrize("code", ["AMY", "AMY:bob", "AMY%3Abob", "100%"])
def test_a_tick_wakes_whom_the_key_is_of(code: str) -> None:
    (tick,) = ticks(1_000, 1)
    pair = code_and_user_key(claimed("signup", code, at="10:00", user_id="b:ob").record())
    woken = woken_pair(pair, tick, Cause("reward-inputs", 0, 7))
    assert (woken.code, woken.user_id, woken.event_time) == (code, "b:ob", 1_000)
    assert code_and_user_key(woken) == pair
    assert is_code_and_user(pair)
    assert not is_code_and_user(code_key(woken))
    assert woken_signal("ip:abc", tick, Cause("checks", 0, 7)).signal == "ip:abc"

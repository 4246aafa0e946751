"""The topology agrees with the topic table, and keys meet."""

from reftrail.contracts.topics import (
    CHECKS,
    CODES,
    EVENTS,
    MILESTONE_INPUTS,
    TOPICS,
    Topic,
)
from reftrail.engine.stage import Codes
from reftrail.engine.topology import STAGES, TOPOLOGY
from reftrail.testing import claimed

NOT_WRITTEN_YET = {CHECKS, MILESTONE_INPUTS}
"""What stages to come read."""


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
    assert due - NOT_WRITTEN_YET <= written | changelogs


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

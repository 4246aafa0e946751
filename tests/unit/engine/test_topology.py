"""The topology agrees with the topic table, and keys meet."""

from reftrail.contracts.topics import CODES, EVENTS, TOPICS
from reftrail.engine.topology import TOPOLOGY
from reftrail.testing import claimed


def test_stages_read_and_write_what_the_topic_table_says() -> None:
    for stage in TOPOLOGY:
        assert stage.name in stage.reads.read_by
        assert stage.changelog.written_by == stage.name
        for record, topics in stage.writes.items():
            for topic in topics:
                assert topic.written_by == stage.name
                assert topic.record is record
        assert (stage.name in CODES.read_by) == stage.looks_up_codes


def test_every_topic_that_a_stage_writes_is_in_the_topology() -> None:
    names = {stage.name for stage in TOPOLOGY}
    written = {topic for stage in TOPOLOGY for topics in stage.writes.values() for topic in topics}
    changelogs = {stage.changelog for stage in TOPOLOGY}
    assert {topic for topic in TOPICS if topic.written_by in names} == written | changelogs


def test_stages_stand_in_the_order_in_which_the_records_go() -> None:
    known = {EVENTS}
    for stage in TOPOLOGY:
        assert stage.reads in known
        known |= {topic for topics in stage.writes.values() for topic in topics}


def test_state_is_kept_in_the_partition_that_the_input_is_read_from() -> None:
    reward = TOPOLOGY[-1]
    for user in ("u1", "u2", "somebody:else"):
        claim = claimed("signup", "AMY", at="10:00", user_id=user).record()
        home = reward.reads.partition(reward.reads.key_of(claim), 12)
        keys = [cell.key_of(claim) for cell in reward.cells]
        assert [reward.changelog.partition(key, 12) for key in keys] == [home, home]


def test_no_code_s_key_is_another_s_pair() -> None:
    """Somebody may type in a code that looks like the key of a pair."""
    uses, pair = TOPOLOGY[-1].cells
    true = claimed("signup", "AMY", at="10:00", user_id="bob").record()
    forged = claimed("signup", "AMY:bob", at="10:00").record()
    escaped = claimed("signup", "AMY%3Abob", at="10:00").record()
    keys = [cell.key_of(claim) for claim in (true, forged, escaped) for cell in (uses, pair)]
    assert len(set(keys)) == 6

"""The topology agrees with the topic table, and keys meet."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from support.timers import ticks

from reftrail.contracts.record import Record
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    LOOKUPS,
    REWARDS,
    TOPICS,
)
from reftrail.engine.keys import action_timer_fired, signal_timer_fired, user_timer_fired
from reftrail.engine.stage import Codes
from reftrail.engine.topology import STAGES, TOPOLOGY
from reftrail.rules.attribution.waiting import waiting_key
from reftrail.rules.decider import Cause, Decider, Reference, Refused
from reftrail.rules.reward.keys import action_key, code_key, has_timer, kind_of, referral_key
from reftrail.rules.reward.state import CodeCell, ReferralCell
from reftrail.testing import MemoryHost, campaign, claimed, click, code, purchase, signup


def writers(topic: Topic) -> set[str]:
    return set(topic.written_by.split(", "))


def test_stages_read_and_write_what_the_topic_table_says() -> None:
    for stage in TOPOLOGY:
        assert stage.name in stage.reads.read_by
        if stage.changelog is not None:
            assert stage.changelog.written_by == stage.name
        assert (stage.changelog is None) == (not stage.cells and stage.family is None)
        for record, topics in stage.writes.items():
            for topic in topics:
                if record is Refused:  # the host makes a dead letter of it
                    assert topic is DEAD_LETTERS
                    continue
                assert stage.name in writers(topic)
                assert issubclass(record, topic.records)
        looks_up = stage.looks_up_codes is not Codes.NONE
        assert (stage.name in CODES.read_by) == looks_up


class Watched:
    """A stage's decider that says whether it looked codes up."""

    def __init__(self, decider: Decider[Any]) -> None:
        self._decider = decider
        self.evolve = decider.evolve
        self.has_looked_up_codes = False

    def decide(
        self, state: Any, record: Record, cause: Cause, reference: Reference
    ) -> Sequence[Record]:
        tables = Mock(wraps=reference)
        decided = self._decider.decide(state, record, cause, tables)
        self.has_looked_up_codes |= tables.code.called or tables.code_if_known.called
        return decided


def test_a_stage_that_looks_codes_up_says_so() -> None:
    watched = {stage.name: Watched(stage.decider) for stage in TOPOLOGY}
    host = MemoryHost(tuple(replace(stage, decider=watched[stage.name]) for stage in TOPOLOGY))
    host.publish(CAMPAIGNS, campaign(trigger=Trigger.FIRST_PURCHASE))
    host.publish(CODES, code("AMY"))
    unsure = click("AMY", "10:00", campaign_id=None, code_known=None)
    host.publish(EVENTS, unsure, signup("10:05"), purchase("O1", "11:00"))
    host.run()
    assert host.log(REWARDS)
    looking = {name for name, decider in watched.items() if decider.has_looked_up_codes}
    declared = {stage.name for stage in TOPOLOGY if stage.looks_up_codes is not Codes.NONE}
    assert looking == declared


def test_stages_take_what_their_topic_carries() -> None:
    for stage in TOPOLOGY:
        assert stage.kinds
        assert stage.reads.record is not None
        assert all(issubclass(kind, stage.reads.records) for kind in stage.kinds)


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
    by_the_host = {LOOKUPS}
    due = {topic for topic in TOPICS if writers(topic) <= names} - by_the_host
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
        keys = [code_key("AMY"), referral_key("AMY", user), action_key("AMY", user, "signup")]
        assert [reward.changelog.partition(key, 12) for key in keys] == [home, home, home]


def test_no_code_s_key_is_another_s_referral() -> None:
    """Somebody may type in a code that looks like the key of a referral."""
    pairs = [("AMY", "bob"), ("AMY:bob", "bob"), ("AMY%3Abob", "bob"), ("AMY", "bob:a:signup")]
    codes = {code_key(code) for code, _ in pairs}
    keys = {referral_key(code, user) for code, user in pairs}
    assert len(codes) == 3
    assert len(keys) == 4
    assert [kind_of(key) for key in sorted(codes)] == [CodeCell] * 3
    assert [kind_of(key) for key in sorted(keys)] == [ReferralCell] * 4


@pytest.mark.parametrize("code", ["AMY", "AMY:bob", "AMY%3Abob", "100%"])
def test_a_tick_wakes_whom_the_key_is_of(code: str) -> None:
    (tick,) = ticks(1_000, 1)
    cause = Cause("reward-inputs", 0, 7)
    key = action_key(code, "b:ob", "purchase:o:1")
    fired = action_timer_fired(key, tick, cause)
    assert (fired.code, fired.user_id, fired.action) == (code, "b:ob", "purchase:o:1")
    assert fired.event_time == 1_000
    assert has_timer(key)
    assert not has_timer(referral_key(code, "b:ob"))
    action = user_timer_fired(waiting_key("b:ob", "e:3"), tick, cause)
    assert (action.user_id, action.action) == ("b:ob", "w:e:3")
    assert signal_timer_fired("ip:abc", tick, Cause("checks", 0, 7)).signal == "ip:abc"

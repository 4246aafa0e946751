"""Positions of stages: in step with their state, whatever the group or log loses."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError
from kafka.structs import OffsetAndMetadata
from support.kafka import RunningKafka, TestInstallation, installation_on
from support.log import group_positions, produce, read_committed, read_until
from support.metrics import wait_until
from support.worker import RunningWorker, group_of, worker
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from reftrail.contracts.changelogs import TOUCH_CHANGELOG
from reftrail.contracts.events import Click, Event, Signup
from reftrail.contracts.record import MINUTE
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    EVENTS,
    LIMITS,
    MILESTONE_INPUTS,
    REWARD_GRANTED,
    REWARDS,
    TOUCHES,
)
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.topics import admin, create_topics
from reftrail.rules.touch.state import TouchState
from reftrail.testing import campaign, code

T0 = 1_790_000_000_000
NO_TICKS = {"REFTRAIL_TICK_SECONDS": "0"}


def _programme(installation: TestInstallation) -> None:
    produce(installation, CAMPAIGNS, [campaign()])
    produce(installation, CODES, [code("AMY", owner="amy")])


def _events(first: int, last: int) -> list[Event]:
    events: list[Event] = []
    for n in range(first, last):
        common: dict[str, Any] = {"received_at": T0 + n, "visitor_id": f"v{n}"}
        events += [
            Click(event_id=f"a{n}", event_time=T0 + n, code="AMY", **common),
            Signup(event_id=f"s{n}", event_time=T0 + n + MINUTE, user_id=f"u{n}", **common),
        ]
    return events


def _wait_for_grants(installation: TestInstallation, users: int) -> None:
    found = read_until(installation, REWARD_GRANTED, lambda grants: len(grants) >= 2 * users)
    assert len(found) == 2 * users


def _wait_until_committed(installation: TestInstallation, group: str) -> None:
    """Until the group's positions are at the ends of what the stages read."""
    sources = {
        (stage.reads, n): TopicPartition(installation.name_of(stage.reads), n)
        for stage in TOPOLOGY
        for n in range(installation.partitions)
    }
    until = time.monotonic() + 180
    while time.monotonic() < until:
        positions = group_positions(installation, group)
        with admin(installation) as client:
            ends: Any = client.list_partition_offsets(
                dict.fromkeys(sources.values(), OffsetSpec.LATEST)
            )
        # One more position is at most a transaction's marker, which nobody need commit.
        if all(positions.get(of, 0) >= ends[at].offset - 1 for of, at in sources.items()):
            return
        time.sleep(0.2)
    raise AssertionError("the worker doesn't get to the end")


def _read_records(running: RunningWorker, stage: str = ".*") -> float:
    """The number of records that the worker's stages, or one of them, have read."""
    found = re.findall(
        rf'^reftrail_worker_records_total\{{stage="{stage}"\}} (.*)$',
        running.get("/metrics")[1],
        re.MULTILINE,
    )
    return sum(map(float, found))


def _count(installation: TestInstallation, topics: Sequence[Topic]) -> dict[str, int]:
    return {topic.name: len(read_committed(installation, topic)) for topic in topics}


@pytest.mark.parametrize("what", ["deleted", "renamed"])
def test_nothing_is_read_again_when_the_group_is_gone(
    installation: TestInstallation, tmp_path: Path, what: str
) -> None:
    _programme(installation)
    produce(installation, EVENTS, _events(0, 20))
    with worker(installation, tmp_path / "one.log", **NO_TICKS) as running:
        _wait_for_grants(installation, 20)
        _wait_until_committed(installation, group_of(installation))
        assert running.stop() == 0
    topics = (TOUCHES, REWARDS, REWARD_GRANTED, LIMITS, MILESTONE_INPUTS)
    before = _count(installation, topics)
    again = dict(NO_TICKS)
    if what == "deleted":
        with admin(installation) as client:
            assert client.delete_groups([group_of(installation)]) == {group_of(installation): "OK"}
    else:
        again["REFTRAIL_GROUP"] = f"{installation.topic_prefix}others"
    with worker(installation, tmp_path / "two.log", **again) as running:
        running.wait_until_ready()
        _wait_until_committed(installation, again.get("REFTRAIL_GROUP", group_of(installation)))
        assert _read_records(running) == 0
        assert _count(installation, topics) == before
        new = _events(20, 25)
        produce(installation, EVENTS, new)
        _wait_for_grants(installation, 25)
        # Had it read an older record, that would have come before these.
        assert _read_records(running, "touch") == len(new)


def test_installations_on_one_cluster_leave_each_other_alone(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with installation_on(kafka) as one, installation_on(kafka) as other:
        for installation in (one, other):
            _programme(installation)
        with (
            worker(one, tmp_path / "one.log", REFTRAIL_GROUP="") as first,
            worker(other, tmp_path / "other.log", REFTRAIL_GROUP="") as second,
        ):
            first.wait_until_ready()
            second.wait_until_ready()
            for installation in (one, other):
                produce(installation, EVENTS, _events(0, 5))
            for installation in (one, other):
                _wait_for_grants(installation, 5)
            assert first.process.poll() is second.process.poll() is None


def _refusal(installation: TestInstallation, log: Path, **settings: str) -> str:
    with worker(installation, log, **NO_TICKS, **settings) as running:
        assert running.process.wait(timeout=180) == 1
    said = log.read_text()
    assert "Traceback" not in said
    return said


def test_state_without_positions_is_refused(installation: TestInstallation, tmp_path: Path) -> None:
    _write_touch_state(installation)
    said = _refusal(installation, tmp_path / "worker.log")
    assert "has state, but no positions" in said
    assert "set REFTRAIL_GROUP" in said


retrying = retry(
    retry=retry_if_exception_type(CoordinatorNotAvailableError),
    stop=stop_after_delay(30),
    wait=wait_fixed(0.2),
    reraise=True,
)


def _write_touch_state(installation: TestInstallation) -> None:
    """State of a visitor nobody has heard of since, without positions beside it."""
    producer = KafkaProducer(bootstrap_servers=installation.bootstrap_servers)
    name = installation.name_of(TOUCH_CHANGELOG)
    state = msgspec.msgpack.encode(TouchState())
    producer.send(name, key=b"nobody", value=state, partition=0).get(timeout=20)
    producer.close()


def test_positions_of_an_earlier_version_are_those_of_the_group(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    _write_touch_state(installation)
    produce(installation, EVENTS, _events(0, 8))
    skipped = {
        TopicPartition(installation.name_of(EVENTS), partition): OffsetAndMetadata(end, "", -1)
        for partition, end in _ends(installation, EVENTS).items()
    }
    with admin(installation) as client:
        # The broker makes its topic of groups when the first one asks for it.
        retrying(client.alter_group_offsets)("before", skipped)
    with worker(installation, tmp_path / "one.log", REFTRAIL_GROUP="before", **NO_TICKS) as running:
        running.wait_until_ready()
        produce(installation, EVENTS, _events(8, 10))
        _wait_for_grants(installation, 2)
        _wait_until_committed(installation, "before")
        _wait_for_grants(installation, 2)


def _ends(installation: TestInstallation, topic: Topic) -> dict[int, int]:
    ends = dict.fromkeys(range(installation.partitions), 0)
    for logged in read_committed(installation, topic):
        ends[logged.partition] = logged.offset + 1
    return ends


def _decide_and_lose_the_log(installation: TestInstallation, log: Path) -> None:
    """Have a worker decide on 40 users' events, and empty their topic."""
    _programme(installation)
    produce(installation, EVENTS, _events(0, 40))
    with worker(installation, log, **NO_TICKS) as running:
        _wait_for_grants(installation, 40)
        _wait_until_committed(installation, group_of(installation))
        assert running.stop() == 0
    _make_again(installation, EVENTS)


@pytest.mark.faults
def test_a_log_that_lost_its_end_is_refused_until_the_loss_is_accepted(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _decide_and_lose_the_log(installation, tmp_path / "one.log")
    said = _refusal(installation, tmp_path / "two.log")
    assert re.search(r"events/\d up to position \d+, but the log ends at 0", said)
    assert "REFTRAIL_ACCEPT_LOST_RECORDS=true" in said
    accepting = {"REFTRAIL_ACCEPT_LOST_RECORDS": "true"}
    with worker(installation, tmp_path / "three.log", **accepting, **NO_TICKS) as running:
        running.wait_until_ready()
        produce(installation, EVENTS, _events(40, 60))
        _wait_for_grants(installation, 60)


@pytest.mark.faults
def test_a_log_that_lost_its_end_and_grew_again_is_refused_until_that_is_accepted(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _decide_and_lose_the_log(installation, tmp_path / "one.log")
    produce(installation, EVENTS, _events(40, 160))  # beyond the old positions
    said = _refusal(installation, tmp_path / "two.log")
    assert re.search(
        r"events/\d up to position \d+, its last record at \d+, but another record is there", said
    )
    assert "REFTRAIL_ACCEPT_LOST_RECORDS=true" in said
    accepting = {"REFTRAIL_ACCEPT_LOST_RECORDS": "true"}
    with worker(installation, tmp_path / "three.log", **accepting, **NO_TICKS) as running:
        running.wait_until_ready()
        _wait_until_committed(installation, group_of(installation))
        assert running.stop() == 0
    with worker(installation, tmp_path / "four.log", **NO_TICKS) as running:
        running.wait_until_ready()  # the mark is that of the log as it is now


@pytest.mark.faults
def test_removed_records_are_refused_until_the_loss_is_accepted(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    produce(installation, EVENTS, _events(0, 5))
    with worker(installation, tmp_path / "one.log", **NO_TICKS) as running:
        _wait_for_grants(installation, 5)
        assert running.stop() == 0
    produce(installation, EVENTS, _events(5, 45))
    ends = _ends(installation, EVENTS)
    with admin(installation) as client:
        client.delete_records(
            {TopicPartition(installation.name_of(EVENTS), at): end for at, end in ends.items()}
        )
    said = _refusal(installation, tmp_path / "two.log")
    assert re.search(r"messages \d+ to \d+ of .*events/\d were removed", said)
    accepting = {"REFTRAIL_ACCEPT_LOST_RECORDS": "true"}
    with worker(installation, tmp_path / "three.log", **accepting, **NO_TICKS) as running:
        running.wait_until_ready()
        produce(installation, EVENTS, _events(45, 50))
        _wait_for_grants(installation, 10)


def _make_again(installation: TestInstallation, topic: Topic) -> None:
    with admin(installation) as client:
        client.delete_topics([installation.name_of(topic)])
        wait_until(lambda: installation.name_of(topic) not in client.list_topics(), 180)
    create_topics(installation, installation.partitions)

"""The Faust host on a real broker: from events to grants, exactly once."""

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from support.kafka import TestInstallation
from support.log import Logged, produce, read_committed, read_until
from support.worker import wait_until_decided, worker

from reftrail.contracts.codec import FRAME, encode
from reftrail.contracts.events import Click, Event, Signup
from reftrail.contracts.record import MINUTE
from reftrail.contracts.registry import schemas
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTION_INPUTS,
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REWARD_GRANTED,
    REWARDS,
    TOUCHES,
)
from reftrail.testing import campaign, code, converted

T0 = 1_790_000_000_000


def _programme(installation: TestInstallation) -> None:
    codes = [code(f"CODE{n}", owner=f"owner-{n}") for n in range(10)]
    produce(installation, CAMPAIGNS, [campaign()])
    produce(installation, CODES, codes)


def _events(first: int, last: int) -> list[Event]:
    """Of each visitor two clicks, and a signup as long after them as a person takes."""
    events: list[Event] = []
    for n in range(first, last):
        common: dict[str, Any] = {"received_at": T0 + n, "visitor_id": f"v{n}"}
        events += [
            Click(event_id=f"a{n}", event_time=T0 + 2 * n, code=f"CODE{n % 10}", **common),
            Click(
                event_id=f"b{n}", event_time=T0 + 3 * n + 1, code=f"CODE{(n + 1) % 10}", **common
            ),
            Signup(event_id=f"s{n}", event_time=T0 + 4 * n + MINUTE, user_id=f"u{n}", **common),
        ]
    return events


def _eventually(installation: TestInstallation, count: int, seconds: float = 180) -> list[Logged]:
    return read_until(installation, REWARD_GRANTED, lambda found: len(found) >= count, seconds)


def _check(installation: TestInstallation, users: int) -> None:
    _eventually(installation, 2 * users)
    wait_until_decided(installation)
    grants = read_committed(installation, REWARD_GRANTED)
    granted = sorted((g.record.code, g.record.user_id, g.record.role) for g in grants)
    assert granted == sorted(
        (f"CODE{n % 10}", f"u{n}", role) for n in range(users) for role in ("referrer", "referee")
    )
    decided = [logged.record for logged in read_committed(installation, REWARDS)]
    assert len(decided) == len({record.event_id for record in decided}) == 2 * users
    touches = [logged.record for logged in read_committed(installation, TOUCHES)]
    assert {(t.visitor_id, t.touch_event_id) for t in touches} == {
        (f"v{n}", f"a{n}") for n in range(users)
    }


def test_a_click_and_a_signup_become_two_grants(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    with worker(installation, tmp_path / "worker.log") as running:
        running.wait_until_ready()
        produce(installation, EVENTS, _events(0, 50))
        _check(installation, 50)
        assert "reftrail_worker_records_total" in running.get("/metrics")[1]
        assert running.stop() == 0


@pytest.mark.partitions(4)
def test_a_killed_worker_loses_and_doubles_nothing(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    with (
        worker(installation, tmp_path / "one.log") as one,
        worker(installation, tmp_path / "two.log") as two,
    ):
        one.wait_until_ready()
        two.wait_until_ready()
        produce(installation, EVENTS, _events(0, 300))
        one.kill()
        produce(installation, EVENTS, _events(300, 400))
        produce(installation, EVENTS, _events(0, 400))  # all of it again
        _check(installation, 400)


def test_what_cannot_be_read_is_in_the_dead_letters(
    installation: TestInstallation, tmp_path: Path
) -> None:
    producer = KafkaProducer(bootstrap_servers=installation.bootstrap_servers)
    producer.send(installation.name_of(EVENTS), key=b"v", value=b"\x00\x00\x00\x00\x01broken")
    producer.flush()
    producer.close()
    _programme(installation)
    with worker(installation, tmp_path / "worker.log"):
        produce(installation, EVENTS, _events(0, 3))
        _check(installation, 3)
        (dead,) = read_until(installation, DEAD_LETTERS, bool)  # commits by itself
    assert dead.record.payload == b"\x00\x00\x00\x00\x01broken"
    assert (dead.record.stage, dead.record.reason, dead.record.topic) == (
        "touch",
        "undecodable",
        "events",
    )


def _send(installation: TestInstallation, topic: Topic, value: bytes, partition: int) -> None:
    """A message by a foreign writer, compressed as such often are."""
    producer = KafkaProducer(
        bootstrap_servers=installation.bootstrap_servers,
        compression_type="gzip",
        max_request_size=8 << 20,
    )
    producer.send(installation.name_of(topic), key=b"k", value=value, partition=partition).get(20)
    producer.close()


def _click(visitor: str, **actual: Any) -> Click:
    common: dict[str, Any] = {"event_time": T0, "received_at": T0, "visitor_id": visitor}
    return Click(**(common | {"event_id": f"odd {visitor}", "code": "CODE1"} | actual))


@pytest.mark.partitions(4)
def test_records_that_no_stage_can_take_are_dead_letters_and_the_others_are_decided(
    installation: TestInstallation, tmp_path: Path
) -> None:
    """By foreign writers, or newer ones; before, any of them stopped every worker for good."""
    partitions = installation.partitions
    _programme(installation)
    produce(
        installation,
        CAMPAIGNS,
        [campaign("odd", policy='{"a_setting_of_another_version": 1}')],
    )
    produce(installation, CODES, [code("ODD", campaign_id="odd")])
    late = _click("late", event_time=2**63 - 5)
    signup = Signup(
        event_id="odd signup", event_time=T0, received_at=T0, user_id="odd", code="ODD",
        code_known=True,
    )  # fmt: skip
    kind = converted("signup", "10:00", user_id="u of no kind").record()
    kind = msgspec.structs.replace(kind, kind="of another version")
    garbage = b"\x00" * (3 << 20)
    own = EVENTS.partition("misplaced", partitions)
    with worker(installation, tmp_path / "worker.log") as running:
        running.wait_until_ready()
        _send(installation, EVENTS, encode(_click("")), 0)
        _send(installation, EVENTS, encode(late), EVENTS.partition("late", partitions))
        _send(installation, EVENTS, garbage, 2)
        _send(installation, EVENTS, encode(_click("misplaced")), (own + 1) % partitions)
        _send(
            installation,
            ATTRIBUTION_INPUTS,
            encode(kind),
            ATTRIBUTION_INPUTS.partition("u of no kind", partitions),
        )
        produce(installation, EVENTS, [signup, *_events(0, 30)])
        _check(installation, 30)
        letters = read_committed(installation, DEAD_LETTERS)
        assert running.process.poll() is None
    by_place: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for letter in letters:
        by_place[letter.record.stage, letter.record.reason].append(letter.record)
    (large,) = by_place["touch", "undecodable"]
    assert len(large.payload) < large.payload_size == len(garbage)
    assert large.payload_sha256 == hashlib.sha256(garbage).hexdigest()
    assert (large.topic, large.partition) == ("events", 2)
    (misplaced,) = by_place["touch", "wrong_partition"]
    assert f"belongs into partition {own} of {partitions}" in misplaced.detail
    details = sorted(letter.detail for letter in by_place["touch", "undecidable"])
    assert [detail.partition(":")[0] for detail in details] == ["OverflowError", "ValueError"]
    others = [letter.detail for letter in by_place["attribution", "undecidable"]]
    assert any("a_setting_of_another_version" in detail for detail in others)
    assert any("of another version" in detail for detail in others)


def test_a_record_of_a_newer_schema_stops_the_worker_which_says_what_it_needs(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    newer = max(schemas()) + 1
    value = encode(_click("v1"))
    newer_value = FRAME.pack(0, newer) + value[FRAME.size :]
    with worker(installation, tmp_path / "worker.log") as running:
        running.wait_until_ready()
        _send(installation, EVENTS, newer_value, EVENTS.partition("v1", installation.partitions))
        assert running.process.wait(180) == 1
    assert f"a record has schema id {newer}" in running.log.read_text()
    assert read_committed(installation, DEAD_LETTERS) == []


def test_a_policy_in_a_newer_language_stops_the_worker_which_says_so(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    with worker(installation, tmp_path / "worker.log") as running:
        running.wait_until_ready()
        produce(installation, CAMPAIGNS, [campaign("new", policy='{"language": 3, "novel": 1}')])
        assert running.process.wait(180) == 1
    assert "version 3 of the policy language" in running.log.read_text()

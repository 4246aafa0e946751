"""The Faust host on a real broker: from events to grants, exactly once."""

from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from support.kafka import TestInstallation
from support.log import Logged, produce, read_committed, read_until
from support.worker import worker

from reftrail.contracts.events import Click, Event, Signup
from reftrail.contracts.record import MINUTE
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REWARD_GRANTED,
    REWARDS,
    TOUCHES,
)

T0 = 1_790_000_000_000


def _programme(installation: TestInstallation) -> None:
    campaign = CampaignDefined(
        event_id="campaign",
        event_time=T0,
        received_at=T0,
        campaign_id="spring",
        version=1,
        effective_from=0,
        name="Spring",
        referrer_reward_micros=5_000_000,
        referee_reward_micros=2_000_000,
    )
    codes = [
        CodeChanged(
            event_id=f"code-{n}",
            event_time=T0,
            received_at=T0,
            code=f"CODE{n}",
            campaign_id="spring",
            owner_user_id=f"owner-{n}",
            created_at=T0,
        )
        for n in range(10)
    ]
    produce(installation, CAMPAIGNS, [campaign])
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


def _eventually(installation: TestInstallation, count: int, seconds: float = 40) -> list[Logged]:
    return read_until(installation, REWARD_GRANTED, lambda found: len(found) >= count, seconds)


def _check(installation: TestInstallation, users: int) -> None:
    grants = _eventually(installation, 2 * users)
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
        (dead,) = read_committed(installation, DEAD_LETTERS)
    assert dead.record.payload == b"\x00\x00\x00\x00\x01broken"
    assert (dead.record.stage, dead.record.reason, dead.record.topic) == (
        "touch",
        "undecodable",
        "events",
    )

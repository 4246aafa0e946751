"""State on disk: after kill -9 a worker goes on with its copy and the changelogs' tail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.bulk import write_many
from support.kafka import TestInstallation
from support.log import produce, read_committed, read_until
from support.metrics import figure, wait_until
from support.worker import wait_until_decided, worker

from reftrail.contracts.events import Click, Event, Signup
from reftrail.contracts.record import MINUTE
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARD_GRANTED
from reftrail.testing import campaign, code

T0 = 1_790_000_000_000
VISITORS = 100_000


def _settings(directory: Path) -> dict[str, str]:
    return {
        "REFTRAIL_WORKER_STORE": "rocksdb",
        "REFTRAIL_WORKER_STATE_DIR": str(directory / "state"),
        "REFTRAIL_TICK_SECONDS": "0",
    }


def _clicks(visitors: int) -> Iterator[Event]:
    for n in range(visitors):
        yield Click(event_id=f"a{n}", event_time=T0, received_at=T0, visitor_id=f"v{n}", code="AMY")


def _signups(*numbers: int) -> list[Event]:
    at = T0 + MINUTE
    return [
        Signup(event_id=f"s{n}", event_time=at, received_at=at, visitor_id=f"v{n}", user_id=f"u{n}")
        for n in numbers
    ]


def _programme(installation: TestInstallation) -> None:
    produce(installation, CAMPAIGNS, [campaign()])
    produce(installation, CODES, [code("AMY", owner="amy")])


def _wait_for_grants(installation: TestInstallation, users: int) -> None:
    found = read_until(installation, REWARD_GRANTED, lambda grants: len(grants) >= 2 * users)
    grants: list[Any] = [logged.record for logged in found]
    assert len({(grant.user_id, grant.role) for grant in grants}) == len(grants) == 2 * users


@pytest.mark.faults
def test_after_kill_9_only_the_changelogs_tail_is_read(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    write_many(installation, EVENTS, _clicks(VISITORS))
    settings = _settings(tmp_path)
    with worker(installation, tmp_path / "one.log", **settings) as one:
        wait_until(lambda: figure(one, "records_total") >= VISITORS, 180)
        produce(installation, EVENTS, _signups(1, 2, 3))
        _wait_for_grants(installation, 3)
        one.kill()
    produce(installation, EVENTS, _signups(2, 4, 5))
    with worker(installation, tmp_path / "two.log", **settings) as two:
        _wait_for_grants(installation, 5)
        two.wait_until_ready()
        assert figure(two, "restored_total") < 1_000
        wait_until_decided(installation)
        assert two.stop() == 0
    with worker(installation, tmp_path / "three.log", **settings) as three:
        three.wait_until_ready()
        assert figure(three, "restored_total") == 0
        assert not (tmp_path / "state" / f"{installation.topic_prefix}worker-2").exists()
    assert len(read_committed(installation, REWARD_GRANTED)) == 10


def test_what_fell_behind_on_disk_is_made_up_for_from_the_changelogs(
    installation: TestInstallation, tmp_path: Path
) -> None:
    """As after a power cut, when what was written last is gone."""
    _programme(installation)
    produce(installation, EVENTS, [*_clicks(10), *_signups(1)])
    with worker(installation, tmp_path / "one.log", **_settings(tmp_path)) as one:
        _wait_for_grants(installation, 1)
        assert one.stop() == 0
    produce(installation, EVENTS, _signups(2))
    with worker(installation, tmp_path / "two.log", **_settings(tmp_path / "other")) as two:
        _wait_for_grants(installation, 2)
        assert two.stop() == 0
    produce(installation, EVENTS, _signups(1, 2, 3))
    with worker(installation, tmp_path / "three.log", **_settings(tmp_path)) as three:
        _wait_for_grants(installation, 3)
        three.wait_until_ready()
        assert figure(three, "restored_total") > 0
    assert "discarded" not in three.log.read_text()

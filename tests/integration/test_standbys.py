"""A standby on a real broker: it has what its partition's owner has committed, and takes over."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from support.bulk import write_many
from support.kafka import TestInstallation
from support.log import produce, read_until
from support.metrics import figure, until, wait_until
from support.worker import RunningWorker, worker

from reftrail.contracts.changelogs import TOUCH_CHANGELOG, VELOCITY_CHANGELOG
from reftrail.contracts.events import Click, Event, Signup
from reftrail.contracts.record import MINUTE
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARD_GRANTED
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.positions import position_message
from reftrail.engine.restore import restore_from
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.standby import StandbyReader
from reftrail.engine.takeover import changelogs_of
from reftrail.engine.topology import TOPOLOGY
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.testing import campaign, code

T0 = 1_790_000_000_000
VISITORS = 200_000
SETTINGS = {"REFTRAIL_STANDBYS": "1", "REFTRAIL_TICK_SECONDS": "0"}


def _clicks() -> Iterator[Event]:
    for n in range(VISITORS):
        yield Click(event_id=f"a{n}", event_time=T0, received_at=T0, visitor_id=f"v{n}", code="AMY")


def _signup(n: int) -> Event:
    at = T0 + MINUTE
    return Signup(
        event_id=f"s{n}", event_time=at, received_at=at, visitor_id=f"v{n}", user_id=f"u{n}"
    )


def _standby(running: RunningWorker) -> list[int]:
    status, text = running.get("/readyz")
    return json.loads(text)["standby"] if status else []


def _follows_two(running: RunningWorker) -> bool:
    """Whether it is a standby of two partitions, and lacks nothing of them."""
    followed = figure(running, "standby_partitions")
    return followed == 2 and not figure(running, "standby_lag")


@pytest.mark.faults
@pytest.mark.partitions(4)
def test_a_standby_takes_over_with_what_it_has(
    installation: TestInstallation, tmp_path: Path
) -> None:
    produce(installation, CAMPAIGNS, [campaign()])
    produce(installation, CODES, [code("AMY", owner="amy")])
    write_many(installation, EVENTS, _clicks())
    with worker(installation, tmp_path / "one.log", **SETTINGS) as one:
        wait_until(lambda: figure(one, "records_total") >= VISITORS, 180)
        with worker(installation, tmp_path / "two.log", **SETTINGS) as two:
            wait_until(lambda: all(map(_follows_two, (one, two))), 180)
            assert len(_standby(one)) == len(_standby(two)) == 2
            before = figure(two, "restored_total")
            one.kill()
            produce(installation, EVENTS, [_signup(n) for n in range(0, VISITORS, 2_000)])
            granted = read_until(
                installation, REWARD_GRANTED, lambda grants: len(grants) == VISITORS // 1_000
            )
            assert len(granted) == VISITORS // 1_000
            assert figure(two, "restored_total") - before < 100
            assert len(_standby(two)) == 0


class Owner:
    """Stands in for a partition's owner: it writes to changelogs in transactions."""

    def __init__(self, installation: TestInstallation) -> None:
        self._installation = installation
        self._producer = AIOKafkaProducer(
            bootstrap_servers=installation.bootstrap_servers,
            transactional_id=f"{installation.topic_prefix}owner",
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def write(self, changes: dict[str, bytes | None], position: int) -> None:
        """Begin a transaction with changes of touches' state, and a position."""
        await self._producer.begin_transaction()
        key, value = position_message(EVENTS, Position(position))
        for topic in (TOUCH_CHANGELOG, VELOCITY_CHANGELOG):
            name = self._installation.name_of(topic)
            for changed, packed in changes.items():
                await self._producer.send_and_wait(name, packed, changed.encode(), partition=0)
            await self._producer.send_and_wait(name, value, key, partition=0)

    async def commit(self) -> None:
        await self._producer.commit_transaction()

    async def abort(self) -> None:
        await self._producer.abort_transaction()


def _contents(state: PartitionState) -> dict[str, Any]:
    return {
        **{name: dict(store.packed) for name, store in state.stores.items()},
        "positions": state.positions,
        "restored_to": dict(state.changelogs),
    }


def _lag(metrics: WorkerMetrics) -> float | None:
    return metrics.registry.get_sample_value("reftrail_worker_standby_lag", {"partition": "0"})


async def test_a_standby_has_what_a_cold_restore_gives(installation: TestInstallation) -> None:
    settings = WorkerSettings(
        bootstrap_servers=installation.bootstrap_servers, topic_prefix=installation.topic_prefix
    )
    followed, cold = PartitionState(TOPOLOGY), PartitionState(TOPOLOGY)
    warm = asyncio.Event()

    async def found_warm(partition: int) -> None:
        assert partition == 0
        warm.set()

    metrics = WorkerMetrics()
    standby = asyncio.create_task(StandbyReader(settings, {0: followed}, metrics, found_warm).run())
    state = b"\x90"
    async with Owner(installation) as owner:
        await owner.write({"kept": state, "gone": state, "open": state}, 5)
        await owner.commit()
        await asyncio.wait_for(warm.wait(), 60)
        await owner.write({"gone": None, "more": state}, 7)
        await owner.commit()
        await owner.write({"kept": None, "aborted": state}, 8)
        await owner.abort()
        await owner.write({"open": None, "uncommitted": state}, 9)  # the others are at their end
        changelogs = changelogs_of(settings, cold, 0)
        await restore_from(settings, changelogs)
        await until(lambda: _contents(followed) == _contents(cold))
        await until(lambda: _lag(metrics) == 0)
        assert followed.stores["touch"].packed.keys() == {"kept", "open", "more"}
        assert followed.positions == {"events": Position(7)}
        await owner.abort()
        await owner.write({"last": state}, 10)
        await owner.commit()
        await until(lambda: "last" in followed.stores["touch"].packed)
        await until(lambda: followed.positions == {"events": Position(10)})
        standby.cancel()
        await asyncio.gather(standby, return_exceptions=True)
    assert followed.stores["touch"].packed.keys() == {"kept", "open", "more", "last"}
    assert TopicPartition(settings.name_of(TOUCH_CHANGELOG), 0) in changelogs

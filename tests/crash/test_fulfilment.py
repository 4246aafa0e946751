"""Fulfilment is killed again and again while rewards flow; each is given and reported once.

The receivers honour idempotency keys and count what they do; they also fail, forget to say that
they did it, and answer too late. CRASH_SEED plays a run again.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from support.fulfilment import Lag, an_order, environment, lag_of, partners, wait_until
from support.fulfilment_invariants import wrongs
from support.kafka import TestInstallation
from support.log import produce, read_committed, writing

from crash.fault_injection import DIED
from crash.fulfilment_lives import Lives
from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.topics import FULFILMENTS, REWARD_GRANTED
from reftrail.fulfilment.partners.deliveries import Deliveries, Faults
from reftrail.local.ports import free_port

KINDS = ("credit", "cash", "code", "shipment")
REWARDS, KILLS = 200, 16
FAULTS = Faults(busy=0.05, fail=0.05, forget=0.1, hang=0.03, hang_seconds=0.6, takes_seconds=0.004)


def variables(installation: TestInstallation, directory: Path, url: str) -> dict[str, str]:
    codes = directory / "codes.txt"
    codes.write_text("".join(f"GIFT{n}\n" for n in range(REWARDS)))
    return environment(
        installation,
        directory,
        url,
        REFTRAIL_FULFILMENT_CODES_FILE=str(codes),
        REFTRAIL_FULFILMENT_CONCURRENCY="3",
        REFTRAIL_FULFILMENT_PORT=str(free_port()),
    )


def wait_for_asks(deliveries: Deliveries, count: int) -> None:
    """Until so many more were asked for, or for a while nobody was."""
    asked, until = sum(deliveries.asked.values()), time.monotonic() + 180
    target = asked + count
    while (now := sum(deliveries.asked.values())) < target and time.monotonic() < until:
        if now > asked:
            asked, until = now, time.monotonic() + 0.3
        time.sleep(0.001)


def judged(
    installation: TestInstallation,
    orders: Sequence[RewardGranted],
    deliveries: Deliveries,
    lag: Lag,
) -> list[str]:
    reported = [logged.record for logged in read_committed(installation, FULFILMENTS)]
    return wrongs(orders, deliveries.done, reported, lag())


@pytest.mark.faults
@pytest.mark.partitions(4)
def test_killed_while_rewards_flow_it_fulfils_each_once(
    installation: TestInstallation, tmp_path: Path
) -> None:
    seed = int(os.environ.get("CRASH_SEED") or 1)
    rng, began = Random(seed), time.monotonic()
    orders = [an_order(n, KINDS[n % 4]) for n in range(REWARDS)]
    each = REWARDS // KILLS
    log = tmp_path / "fulfilment.log"
    with (
        partners(FAULTS) as (url, deliveries),
        lag_of(installation) as lag,
        writing(installation, REWARD_GRANTED) as write,
        Lives(variables(installation, tmp_path, url), log) as lives,
    ):
        for nth in range(KILLS):
            pid = lives.begin()
            write(orders[nth * each : (nth + 1) * each])
            wait_for_asks(deliveries, rng.randrange(3 * each))
            time.sleep(rng.uniform(0, 0.06))
            lives.kill(pid)
        before_the_last = sum(deliveries.asked.values())
        write(orders[KILLS * each :])
        pid = lives.begin()
        wait_until(lambda: lag() == 0)
        lives.kill(pid)
        assert judged(installation, orders, deliveries, lag) == [], (
            f"CRASH_SEED={seed}\n{log.read_text()}"
        )
    asked = sum(deliveries.asked.values())
    print(  # noqa: T201  (pytest shows it where the test fails, or with -s)
        f"seed {seed}: {KILLS} kills, {asked} asks for {len(deliveries.asked)} rewards, "
        f"{asked - before_the_last} of them after the last, {time.monotonic() - began:.1f} s"
    )
    assert before_the_last > len(deliveries.asked) / 3, "the kills came before there was work"


def test_reports_before_it_is_done_are_found(
    installation: TestInstallation, tmp_path: Path
) -> None:
    orders = [an_order(n) for n in range(6)]
    log = tmp_path / "fulfilment.log"
    with partners() as (url, deliveries), lag_of(installation) as lag:
        given = variables(installation, tmp_path, url) | {DIED: str(tmp_path / "died")}
        with Lives(given, log, reports_first=True) as lives:
            produce(installation, REWARD_GRANTED, orders)
            lives.begin()
            lives.ended()
            assert (tmp_path / "died").exists(), log.read_text()
            pid = lives.begin()
            wait_until(lambda: lag() == 0)
            lives.kill(pid)
        found = judged(installation, orders, deliveries, lag)
    assert "credit given 0 times, reported 1 times" in found

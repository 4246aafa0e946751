"""Fulfilment as a process, on a real broker, with partners that fail as real ones do."""

import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer
from support.fulfilment import an_order, fulfilment, lag_of, partners, wait_until
from support.fulfilment_invariants import wrongs
from support.fulfilment_records import letters, reports
from support.kafka import TestInstallation
from support.log import produce

from reftrail.contracts.decisions import RewardGranted, RewardWithdrawn
from reftrail.contracts.topics import REWARD_GRANTED
from reftrail.fulfilment.partners.deliveries import Faults
from reftrail.testing import withdrawn

KINDS = ("credit", "cash", "code", "shipment")
FAULTS = Faults(busy=0.05, fail=0.1, forget=0.1, hang=0.05, hang_seconds=0.6)


def spoil(installation: TestInstallation) -> None:
    """A message on the topic of orders that is none."""
    producer = KafkaProducer(bootstrap_servers=installation.bootstrap_servers)
    producer.send(installation.name_of(REWARD_GRANTED), key=b"C:u", value=b"junk", partition=1)
    producer.flush()
    producer.close()


def codes(directory: Path, count: int) -> str:
    path = directory / "codes.txt"
    path.write_text("".join(f"GIFT{n}\n" for n in range(count)))
    return str(path)


@pytest.mark.partitions(4)
def test_every_kind_is_fulfilled_once_and_others_share_the_work(
    installation: TestInstallation, tmp_path: Path
) -> None:
    good = [an_order(n, KINDS[n % 4]) for n in range(60)]
    odd = [
        an_order(100, "shipment", item=None),
        an_order(101, "cash", expires_at=1),
        an_order(102, "points"),
    ]
    setting = {"REFTRAIL_FULFILMENT_CODES_FILE": codes(tmp_path, 30)}
    with (
        partners(FAULTS) as (url, deliveries),
        lag_of(installation) as lag,
        fulfilment(installation, tmp_path / "a", url, **setting) as first,
    ):
        spoil(installation)
        produce(installation, REWARD_GRANTED, [*odd, *good])
        wait_until(lambda: lag() == 0)

        actual = reports(installation)
        assert wrongs([*good, odd[0]], deliveries.done, actual, lag=0) == []
        outcomes = Counter((report.kind, report.outcome) for report in actual)
        assert outcomes == {("shipment", "failed"): 1} | {(k, "delivered"): 15 for k in KINDS}
        assert sum(deliveries.asked.values()) > 45, "some were asked for again"
        by_reward = {report.reward_id: report for report in actual}
        assert {deliveries.asked[o.reward_id] - by_reward[o.reward_id].attempts for o in good} <= {
            0, -by_reward[good[2].reward_id].attempts,
        }  # fmt: skip
        shipped = by_reward[good[3].reward_id]
        assert shipped.carrier == "Simulated Parcel Service"
        assert (shipped.tracking_number or "").startswith("SIM")
        found = letters(installation)
        assert found["failed"].detail.startswith("the order to ship names no item")
        assert found["undecodable"].payload == b"junk"
        assert len(found) == 2

        wait_until(lambda: first.figure("lag") == 0)
        assert first.figure("fulfilled_total") == 60
        assert first.figure("failed_total") == 1
        assert first.figure("expired_total") == 1
        assert first.figure("left_total") == 1
        assert first.figure("retries_total") > 0
        assert first.figure("pool_left") == 15
        assert first.get("/healthz").json() == {"status": "ok"}

        asked = deliveries.asked.copy()
        with fulfilment(installation, tmp_path / "b", url, **setting) as second:
            wait_until(
                lambda: first.figure("own") < installation.partitions and second.figure("own") > 0
            )
            more = [an_order(n, "code") for n in range(200, 210)]
            produce(installation, REWARD_GRANTED, more)
            wait_until(
                lambda: (
                    first.figure("fulfilled_total") + second.figure("fulfilled_total") == 70
                    and lag() == 0
                )
            )
            assert second.figure("fulfilled_total") > 0
            assert first.process.poll() is None, "it goes on beside the other"
            assert second.stop() == 0, second.output()
        assert deliveries.asked == asked, "it learned from the log what was done"
        every = [*good, odd[0], *more]
        assert wrongs(every, deliveries.done, reports(installation), lag=0) == []


@contextmanager
def silence() -> Iterator[tuple[str, Callable[[], None]]]:
    """A server that takes connections and never answers. The function waits for the first one."""
    with ExitStack() as held:
        listening = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        listening.settimeout(180)

        def wait_until_asked() -> None:
            held.enter_context(listening.accept()[0])

        yield f"http://127.0.0.1:{listening.getsockname()[1]}", wait_until_asked


def test_a_carrier_that_is_silent_holds_up_nobody_else_and_is_asked_again(
    installation: TestInstallation, tmp_path: Path
) -> None:
    orders: list[RewardGranted] = [an_order(n, KINDS[(n % 2) * 3]) for n in range(40)]
    credited = {order.reward_id for order in orders if order.kind == "credit"}
    setting = {
        "REFTRAIL_FULFILMENT_KINDS": "credit,shipment",
        "REFTRAIL_FULFILMENT_CONCURRENCY": "2",
    }
    with partners() as (url, deliveries), lag_of(installation) as lag:
        with silence() as (nobody, wait_until_asked):
            setting["REFTRAIL_FULFILMENT_CARRIER_URL"] = nobody
            with fulfilment(installation, tmp_path, url, **setting) as running:
                produce(installation, REWARD_GRANTED, orders)
                wait_until(lambda: running.figure("fulfilled_total") == 20)
                assert {report.reward_id for report in reports(installation)} == credited
                assert lag() > 0
                wait_until_asked()
                running.kill()
        setting["REFTRAIL_FULFILMENT_CARRIER_URL"] = url
        with fulfilment(installation, tmp_path, url, **setting) as running:
            wait_until(lambda: lag() == 0)
            assert "orders are in doubt and asked for again" in running.output()
        assert wrongs(orders, deliveries.done, reports(installation), lag=0) == []
        assert json.loads(json.dumps(deliveries.done)) == dict.fromkeys(
            (order.reward_id for order in orders), 1
        )


def withdrawal(order: RewardGranted, remaining: int = 0) -> RewardWithdrawn:
    record = withdrawn(order.role, order.code, user_id=order.user_id).record()
    assert isinstance(record, RewardWithdrawn)
    return msgspec.structs.replace(record, reward_id=order.reward_id, remaining_micros=remaining)


def test_what_was_reversed_while_its_order_waited_is_not_given(
    installation: TestInstallation, tmp_path: Path
) -> None:
    """700 orders, so that the withdrawals come in another poll than their orders."""
    orders = [an_order(n, "credit") for n in range(700)]
    gone, halved = orders[::7], orders[1::7]
    taken_back = [withdrawal(grant) for grant in gone] + [
        withdrawal(grant, 2_000_000) for grant in halved
    ]
    setting = {"REFTRAIL_FULFILMENT_KINDS": "credit"}
    produce(installation, REWARD_GRANTED, [*orders, *taken_back])
    with (
        partners() as (url, deliveries),
        lag_of(installation) as lag,
        fulfilment(installation, tmp_path, url, **setting) as running,
    ):
        wait_until(lambda: lag() == 0)
        assert not {grant.reward_id for grant in gone} & deliveries.done.keys()
        assert len(deliveries.done) == 600
        assert running.figure("withdrawn_total") == 100
        values = {report.reward_id: report.value_micros for report in reports(installation)}
    assert {values[grant.reward_id] for grant in halved} == {2_000_000}
    assert len(values) == 600


def test_a_dead_partner_with_any_number_of_orders_holds_up_nobody_else(
    installation: TestInstallation, tmp_path: Path
) -> None:
    """More of its orders wait than were once read at most, all kinds together."""
    waiting = [an_order(n, "shipment") for n in range(20_500)]
    credit = [an_order(n, "credit") for n in range(30_000, 30_020)]
    setting = {"REFTRAIL_FULFILMENT_KINDS": "credit,shipment"}
    with partners() as (url, _), silence() as (nobody, _):
        setting["REFTRAIL_FULFILMENT_CARRIER_URL"] = nobody
        produce(installation, REWARD_GRANTED, [*waiting, *credit])
        with fulfilment(installation, tmp_path, url, **setting) as running:
            wait_until(lambda: running.figure("fulfilled_total") == 20)
            wait_until(lambda: running.figure("waiting") > 20_000)


@pytest.mark.partitions(4)
def test_of_three_processes_two_are_killed_and_nothing_is_given_twice(
    installation: TestInstallation, tmp_path: Path
) -> None:
    orders = [an_order(n, KINDS[n % 4]) for n in range(400)]
    setting = {"REFTRAIL_FULFILMENT_CODES_FILE": codes(tmp_path, 400)}
    with partners(FAULTS) as (url, deliveries), lag_of(installation) as lag, ExitStack() as running:
        three = [
            running.enter_context(fulfilment(installation, tmp_path / name, url, **setting))
            for name in "abc"
        ]
        wait_until(lambda: all(host.figure("own") > 0 for host in three))
        produce(installation, REWARD_GRANTED, orders)
        wait_until(lambda: sum(host.figure("fulfilled_total") for host in three) > 60)
        wait_until(lambda: all(host.figure("fulfilled_total") > 0 for host in three))
        for host in three[1:]:
            host.kill()
        wait_until(lambda: lag() == 0)
        assert wrongs(orders, deliveries.done, reports(installation), lag=0) == []

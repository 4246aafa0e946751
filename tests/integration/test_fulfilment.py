"""Fulfilment as a process, on a real broker, with partners that fail as real ones do."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from kafka import KafkaProducer
from support.fulfilment import an_order, fulfilment, lag_of, partners, wait_until
from support.fulfilment_books import wrongs
from support.kafka import TestInstallation
from support.log import produce, read_committed

from reftrail.contracts.decisions import DeadLettered, RewardGranted, RewardWithdrawn
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS, REWARD_GRANTED
from reftrail.fulfilment.partners.books import Faults
from reftrail.testing import withdrawn

KINDS = ("credit", "cash", "code", "shipment")
FAULTS = Faults(busy=0.05, fail=0.1, forget=0.1, hang=0.05, hang_seconds=0.6)


def reports(installation: TestInstallation) -> list[FulfilmentReported]:
    return [logged.record for logged in read_committed(installation, FULFILMENTS)]


def letters(installation: TestInstallation) -> dict[str, DeadLettered]:
    found = [logged.record for logged in read_committed(installation, DEAD_LETTERS)]
    return {letter.reason: letter for letter in found}


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
        partners(FAULTS) as (url, books),
        lag_of(installation) as lag,
        fulfilment(installation, tmp_path / "a", url, **setting) as first,
    ):
        spoil(installation)
        produce(installation, REWARD_GRANTED, [*odd, *good])
        wait_until(lambda: lag() == 0)

        told = reports(installation)
        assert wrongs([*good, odd[0]], books.done, told, lag=0) == []
        outcomes = Counter((one.kind, one.outcome) for one in told)
        assert outcomes == {("shipment", "failed"): 1} | {(k, "delivered"): 15 for k in KINDS}
        assert sum(books.asked.values()) > 45, "some were asked for again"
        by_reward = {one.reward_id: one for one in told}
        assert {books.asked[o.reward_id] - by_reward[o.reward_id].attempts for o in good} <= {
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

        asked = books.asked.copy()
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
        assert books.asked == asked, "it learned from the log what was done"
        every = [*good, odd[0], *more]
        assert wrongs(every, books.done, reports(installation), lag=0) == []


@contextmanager
def silence() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_carrier_that_is_silent_holds_up_nobody_else_and_is_asked_again(
    installation: TestInstallation, tmp_path: Path
) -> None:
    orders: list[RewardGranted] = [an_order(n, KINDS[(n % 2) * 3]) for n in range(40)]
    credited = {order.reward_id for order in orders if order.kind == "credit"}
    setting = {
        "REFTRAIL_FULFILMENT_KINDS": "credit,shipment",
        "REFTRAIL_FULFILMENT_CONCURRENCY": "2",
    }
    with partners() as (url, books), lag_of(installation) as lag:
        with silence() as nobody:
            setting["REFTRAIL_FULFILMENT_CARRIER_URL"] = nobody
            with fulfilment(installation, tmp_path, url, **setting) as running:
                produce(installation, REWARD_GRANTED, orders)
                wait_until(lambda: running.figure("fulfilled_total") == 20)
                assert {one.reward_id for one in reports(installation)} == credited
                assert lag() > 0
                running.kill()
        setting["REFTRAIL_FULFILMENT_CARRIER_URL"] = url
        with fulfilment(installation, tmp_path, url, **setting) as running:
            wait_until(lambda: lag() == 0)
            assert "orders are in doubt and asked for again" in running.output()
        assert wrongs(orders, books.done, reports(installation), lag=0) == []
        assert json.loads(json.dumps(books.done)) == dict.fromkeys(
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
    taken_back = [withdrawal(one) for one in gone] + [withdrawal(one, 2_000_000) for one in halved]
    setting = {"REFTRAIL_FULFILMENT_KINDS": "credit"}
    produce(installation, REWARD_GRANTED, [*orders, *taken_back])
    with (
        partners() as (url, books),
        lag_of(installation) as lag,
        fulfilment(installation, tmp_path, url, **setting) as running,
    ):
        wait_until(lambda: lag() == 0, seconds=60)
        assert not {one.reward_id for one in gone} & books.done.keys()
        assert len(books.done) == 600
        assert running.figure("withdrawn_total") == 100
        values = {one.reward_id: one.value_micros for one in reports(installation)}
    assert {values[one.reward_id] for one in halved} == {2_000_000}
    assert len(values) == 600


def test_a_dead_partner_with_any_number_of_orders_holds_up_nobody_else(
    installation: TestInstallation, tmp_path: Path
) -> None:
    """More of its orders wait than were once read at most, all kinds together."""
    waiting = [an_order(n, "shipment") for n in range(20_500)]
    credit = [an_order(n, "credit") for n in range(30_000, 30_020)]
    setting = {"REFTRAIL_FULFILMENT_KINDS": "credit,shipment"}
    with partners() as (url, _), silence() as nobody:
        setting["REFTRAIL_FULFILMENT_CARRIER_URL"] = nobody
        produce(installation, REWARD_GRANTED, [*waiting, *credit])
        with fulfilment(installation, tmp_path, url, **setting) as running:
            wait_until(lambda: running.figure("fulfilled_total") == 20, seconds=60)
            wait_until(lambda: running.figure("waiting") > 20_000, seconds=60)


def test_of_three_processes_two_are_killed_and_nothing_is_given_twice(
    installation: TestInstallation, tmp_path: Path
) -> None:
    orders = [an_order(n, KINDS[n % 4]) for n in range(400)]
    setting = {"REFTRAIL_FULFILMENT_CODES_FILE": codes(tmp_path, 400)}
    with partners(FAULTS) as (url, books), lag_of(installation) as lag, ExitStack() as running:
        three = [
            running.enter_context(fulfilment(installation, tmp_path / name, url, **setting))
            for name in "abc"
        ]
        wait_until(lambda: all(one.figure("own") > 0 for one in three), seconds=60)
        produce(installation, REWARD_GRANTED, orders)
        wait_until(lambda: sum(one.figure("fulfilled_total") for one in three) > 60)
        assert all(one.figure("fulfilled_total") > 0 for one in three)
        for one in three[1:]:
            one.kill()
        wait_until(lambda: lag() == 0, seconds=90)
        assert wrongs(orders, books.done, reports(installation), lag=0) == []

"""Fulfilment as a process, on a real broker, with partners that fail as real ones do."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka import KafkaProducer
from support.fulfilment import an_order, fulfilment, lag_of, partners, wait_until
from support.fulfilment_books import wrongs
from support.kafka import TestInstallation
from support.log import produce, read_committed

from reftrail.contracts.decisions import DeadLettered, RewardGranted
from reftrail.contracts.life import FulfilmentReported
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS, REWARD_GRANTED
from reftrail.fulfilment.partners.books import Faults

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


def test_every_kind_is_fulfilled_once_and_one_takes_over_from_another(
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
        assert first.get("/healthz").text == "ok\n"

        asked = books.asked.copy()
        with fulfilment(installation, tmp_path / "b", url, **setting) as second:
            more = [an_order(n, "code") for n in range(200, 210)]
            produce(installation, REWARD_GRANTED, more)
            wait_until(lambda: second.figure("fulfilled_total") == 10)
            wait_until(lambda: lag() == 0)
            assert first.process.wait(20) == 1
            assert "another fulfilment of the group" in first.output()
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

"""The warehouse as it runs in production, on a real broker: everything, and once."""

import asyncio
import random
import re
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from aiokafka.errors import KafkaError
from kafka import KafkaProducer
from kafka.admin import ConfigResource
from support import local_http
from support.kafka import TestInstallation
from support.log import produce, read_committed, writing
from support.log_files import cut_short, restore
from support.warehouse import SECRET, RunningWarehouse, warehouse

from reftrail.contracts.codec import FRAME, encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.events import Click
from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.registry import schemas
from reftrail.contracts.topics import CODES, DEAD_LETTERS, EVENTS
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.local.broker import Broker
from reftrail.local.topics import admin, create_topics, delete_topics
from reftrail.warehouse.blocks import UnloadableMessage
from reftrail.warehouse.dead_letters import DeadLetters, letter

NOW = 1_790_000_000_000
_BREATH = 0.3


def clicks(begin: int, end: int) -> list[Click]:
    return [
        Click(
            event_id=f"e{number:08}",
            event_time=NOW + number,
            received_at=NOW + number,
            visitor_id=f"v{number % 997}",
            code=f"C{number % 5}",
            campaign_id="spring",
        )
        for number in range(begin, end)
    ]


def write_transactions(
    installation: Installation, name: str, value: bytes, *, commit: bool, count: int
) -> None:
    producer = KafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, transactional_id=name
    )
    producer.init_transactions()
    for _ in range(count):
        producer.begin_transaction()
        producer.send(installation.name_of(EVENTS), value=value, partition=0)
        producer.flush()
        if commit:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()


def test_what_is_on_the_topics_is_in_the_reports(
    installation: TestInstallation, tmp_path: Path
) -> None:
    produce(installation, EVENTS, clicks(0, 3_000))
    with warehouse(installation, tmp_path) as running:
        running.wait_until_loaded()
        produce(installation, EVENTS, clicks(3_000, 4_000))
        before = time.time()
        running.wait_until_loaded()
        running.wait_until(lambda: (running.report("funnel")["as_of"] or "") > _text(before))

        (row,) = running.report("funnel")["rows"]
        assert (row["campaign_id"], row["clicks"]) == ("spring", 4_000)
        assert running.stop() == 0
        assert running.numbers("SELECT sum(messages) FROM loads FINAL") == [4_000]


def test_only_committed_messages_are_loaded_and_markers_count_as_positions(
    installation: TestInstallation, tmp_path: Path
) -> None:
    (lost, kept) = (encode(event) for event in clicks(0, 2))
    write_transactions(installation, f"{installation.topic_prefix}a", lost, commit=False, count=2)
    write_transactions(installation, f"{installation.topic_prefix}b", kept, commit=True, count=2)

    with warehouse(installation, tmp_path) as running:
        running.wait_until_loaded()
        running.wait_until(lambda: running.get("/v1/positions").json()["events"]["0"] == 8)

        assert running.report("funnel")["rows"][0]["clicks"] == 1
        running.stop()
        assert running.numbers("SELECT sum(messages) FROM loads FINAL") == [2]
        running.restart()
        running.wait_until_loaded()


def test_a_bad_message_goes_to_the_dead_letters_and_from_there_into_the_warehouse(
    installation: TestInstallation, tmp_path: Path
) -> None:
    bad = encode(clicks(0, 1)[0])[:-2]
    producer = KafkaProducer(bootstrap_servers=installation.bootstrap_servers)
    producer.send(installation.name_of(EVENTS), key=b"v", value=bad, partition=1)
    producer.close()
    produce(installation, EVENTS, clicks(0, 10))

    with warehouse(installation, tmp_path) as running:
        running.wait_until(lambda: running.report("funnel")["rows"][0:1] != [])
        running.wait_until(lambda: bool(read_committed(installation, DEAD_LETTERS)))
        running.wait_until_loaded()
        running.stop()

        (letter,) = read_committed(installation, DEAD_LETTERS)
        assert isinstance(letter.record, DeadLettered)
        assert letter.record.payload == bad
        assert (letter.record.topic, letter.record.partition) == ("events", 1)
        assert running.numbers(
            "SELECT count() FROM dead_letters WHERE topic = 'events' AND stage = 'warehouse'",
            "SELECT count() FROM events",
        ) == [1, 10]


def test_kill_9_at_random_times_neither_loses_nor_doubles(
    installation: TestInstallation, tmp_path: Path
) -> None:
    total, kills = 20_000, 4
    chance = random.Random(7)
    code = CodeChanged(
        event_id="c", event_time=1, received_at=1, code="C1", campaign_id="k", created_at=1
    )
    running = RunningWarehouse(installation, tmp_path, REFTRAIL_LOAD_DELAY_MS="20")
    writing = threading.Thread(target=_trickle, args=(installation, total, code))
    writing.start()
    try:
        for _ in range(kills):
            running.wait_until_ready()
            time.sleep(chance.uniform(0.0, 0.8))
            running.kill()
            running.restart()
        writing.join()
        running.wait_until_loaded()
        (row,) = running.report("funnel", by="day")["rows"]
        assert row["clicks"] == total
        assert running.stop() == 0
    finally:
        running.kill()

    # Each message is in the log once, so a row more would be a message loaded twice.
    unique, rows, messages, still_open = running.numbers(
        "SELECT uniqExact(event_id) FROM events",
        "SELECT count() FROM events",
        "SELECT sum(messages) FROM loads FINAL WHERE topic = 'events'",
        "SELECT count() FROM loads FINAL WHERE closed = 0",
    )
    assert (unique, rows, messages, still_open) == (total, total, total, 0)


@pytest.mark.faults
def test_a_broker_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    with Broker(tmp_path / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, 2)
        produce(installation, EVENTS, clicks(0, 1_000))
        with warehouse(installation, tmp_path) as running:
            running.wait_until_loaded()

            broker.kill()
            running.wait_until(lambda: "Kafka does not answer" in running.output())
            assert running.get("/healthz").is_success
            broker.start()
            produce(installation, EVENTS, clicks(1_000, 2_000))
            running.wait_until_loaded()

            assert running.report("funnel")["rows"][0]["clicks"] == 2_000
            assert "Kafka answers again" in running.output()
            assert running.stop() == 0
            broker.kill()
            running.restart()
            running.wait_until(lambda: "trying again" in running.output())
            broker.start()
            running.wait_until_loaded()
            assert running.stop() == 0
            assert running.numbers("SELECT count() FROM events") == [2_000]


def test_topics_that_were_made_again_are_refused(
    installation: TestInstallation, tmp_path: Path
) -> None:
    produce(installation, EVENTS, clicks(0, 10))
    with warehouse(installation, tmp_path) as running:
        running.wait_until_loaded()
        running.stop()
        delete_topics(installation)
        _until_created(installation)
        running.restart()

        assert running.process.wait(180) == 1
        assert "was deleted and made again" in running.output()


@pytest.mark.faults
def test_a_log_that_lost_its_end_is_refused_also_when_it_has_grown_again(tmp_path: Path) -> None:
    with Broker(tmp_path / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, 1)
        with writing(installation, EVENTS) as write:
            for begin in range(0, 100, 10):
                write(clicks(begin, begin + 10))
        with warehouse(installation, tmp_path) as running:
            running.wait_until_loaded()
            assert running.stop() == 0

            broker.stop()
            logs, name = tmp_path / "kafka" / "log", installation.name_of(EVENTS)
            backup = cut_short(logs, name, tmp_path / "backup")
            broker.start()
            running.restart()
            assert running.process.wait(180) == 1
            assert re.search(r"but the log ends at [1-9]\d:", running.output())

            produce(installation, EVENTS, clicks(200, 300))
            running.restart()
            assert running.process.wait(180) == 1
            said = "its last record at 99, but another record is there now"
            assert said in running.output()
            assert "restore the log from a replica or a backup" in running.output()

            broker.stop()
            restore(logs, backup)
            broker.start()
            produce(installation, EVENTS, clicks(100, 120))
            running.restart()
            running.wait_until_loaded()
            assert running.report("funnel")["rows"][0]["clicks"] == 120


def test_a_second_warehouse_on_the_same_directory_or_port_is_refused(
    installation: TestInstallation, tmp_path: Path
) -> None:
    with warehouse(installation, tmp_path / "one") as running:
        same_directory = RunningWarehouse(installation, tmp_path / "one")
        same_port = RunningWarehouse(
            installation, tmp_path / "two", REFTRAIL_REPORTS_PORT=str(running.port)
        )

        assert same_directory.process.wait(180) == 1
        assert "another process has" in same_directory.output()
        assert same_port.process.wait(180) == 1
        assert "REFTRAIL_REPORTS_PORT" in same_port.output()
        assert running.get("/readyz").is_success


def _trickle(installation: Installation, total: int, code: CodeChanged) -> None:
    """Some hundred at a time, while the warehouse is killed again and again."""
    with writing(installation, EVENTS) as write, writing(installation, CODES) as write_codes:
        for begin in range(0, total, 500):
            write(clicks(begin, begin + 500))
            write_codes([code])
            time.sleep(_BREATH)


def _until_created(installation: TestInstallation) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            create_topics(installation, installation.partitions)
        except Exception:  # noqa: BLE001  (deleting takes its time)
            assert time.monotonic() < deadline
            time.sleep(0.3)
        else:
            return


def _text(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


async def test_a_dead_letter_that_the_broker_refuses_is_not_taken_for_written(
    installation: TestInstallation,
) -> None:
    with admin(installation) as client:
        name = installation.name_of(DEAD_LETTERS)
        resource = ConfigResource("TOPIC", name, {"max.message.bytes": "1000"})
        client.alter_configs([resource])
    dead_letters = DeadLetters(installation)
    refused = UnloadableMessage(
        LogPosition(0, 1), 1, b"key", random.Random(1).randbytes(50_000), "no record"
    )

    async def bury_again_and_again() -> None:
        for _ in range(400):  # until the broker applies its new settings
            await dead_letters.bury([letter(EVENTS, refused)])
            await asyncio.sleep(0.25)

    try:
        with pytest.raises(KafkaError):
            await bury_again_and_again()
    finally:
        await dead_letters.stop()


def test_a_record_of_a_newer_schema_stops_the_warehouse_and_is_no_dead_letter(
    installation: TestInstallation, tmp_path: Path
) -> None:
    value = encode(clicks(0, 1)[0])
    newer = max(schemas()) + 1
    with warehouse(installation, tmp_path) as running:
        running.wait_until_loaded()
        producer = KafkaProducer(bootstrap_servers=installation.bootstrap_servers)
        message = FRAME.pack(0, newer) + value[FRAME.size :]
        producer.send(installation.name_of(EVENTS), key=b"v", value=message, partition=1)
        producer.close()
        assert running.process.wait(180) == 1
        assert f"schema id {newer}" in running.output()
    assert read_committed(installation, DEAD_LETTERS) == []


def test_it_ends_at_once_though_something_is_being_read(
    installation: TestInstallation, tmp_path: Path
) -> None:
    """A question that takes a minute changes nothing, so nobody waits for its end."""
    unfinished = tmp_path / "clickhouse" / "export-of-a-process-that-was-killed"
    unfinished.mkdir(parents=True)
    with warehouse(installation, tmp_path) as running:
        running.wait_until_ready()
        assert not unfinished.exists()
        query = {"query": "SELECT max(sin(number)) FROM numbers(1000000000000)"}
        asked = threading.Thread(target=_asked, args=(running, query), daemon=True)
        asked.start()
        time.sleep(3)
        assert asked.is_alive()
        began = time.monotonic()
        assert running.stop() == 0, running.output()
        assert time.monotonic() - began < 30
        assert "left behind" in running.output()
        running.restart()
        running.wait_until_ready()


def _asked(running: RunningWarehouse, query: dict[str, str]) -> None:
    with suppress(httpx.HTTPError):
        local_http.post(
            running.url + "/v1/sql",
            json=query,
            headers={"authorization": f"Bearer {SECRET}"},
            timeout=120,
        )

"""The local broker: comes back on its directory with everything, and says why when it can't."""

import socket
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import EVENTS
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics


def write(installation: Installation, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=installation.bootstrap_servers, acks="all")
    producer.send(installation.name_of(EVENTS), value, partition=0).get(timeout=20)
    producer.close()


def read(installation: Installation) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=installation.bootstrap_servers)
    partition = TopicPartition(installation.name_of(EVENTS), 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    end = consumer.end_offsets([partition])[partition]
    values: list[bytes] = []
    while consumer.position(partition) < end:
        values += [m.value for ms in consumer.poll(timeout_ms=500).values() for m in ms]
    consumer.close()
    return values


@pytest.mark.faults
def test_a_broker_keeps_its_log_over_a_stop_and_a_kill_and_its_directory_to_itself(
    tmp_path: Path,
) -> None:
    with Broker(tmp_path / "broker") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, 2)
        write(installation, b"one")
        broker.stop()
        broker.start()
        write(installation, b"two")
        broker.kill()
        broker.start()
        assert read(installation) == [b"one", b"two"]
        with (
            pytest.raises(ExpectedError, match=r"already runs on .*broker \(pid"),
            Broker(tmp_path / "broker"),
        ):
            pass


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ExpectedError, match=f"port {port}, given for the broker, is in use"):
            Broker(tmp_path, port=port)


def test_a_port_taken_after_the_check_is_named(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    expected = rf"ended while starting: port {broker.settings.port} is in use; stop what holds it"
    with (
        socket.create_server(("127.0.0.1", broker.settings.port)),
        pytest.raises(ExpectedError, match=expected),
        broker,
    ):
        pass


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ExpectedError, match=r"file/broker cannot be used: Not a directory; choose"),
        Broker(tmp_path / "file" / "broker"),
    ):
        pass

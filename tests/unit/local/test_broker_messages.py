"""Messages to people when the broker ends, from what it wrote."""

from pathlib import Path

import pytest

from reftrail.local.broker import why_broker_ended
from reftrail.local.broker_configuration import BrokerSettings

SETTINGS = BrokerSettings(Path("/data"), Path("/data/broker.log"), port=9092, controller_port=9093)


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("java.io.IOException: No space left on device", "the disk is full; make room under /data"),
        ("java.net.BindException: Address already in use", "port 9092 is in use; stop what holds"),
        ("AccessDeniedException: Permission denied", "/data cannot be written to; change"),
        ("KafkaException: Failed to acquire lock on file", "another broker runs on /data; stop"),
        ("java.lang.OutOfMemoryError: Java heap space", "ran out of memory (its heap is 1g)"),
        ("something else", "the reason is at the end of /data/broker.log"),
    ],
)
def test_the_cause_is_found_and_a_remedy_named(written: str, remedy: str) -> None:
    assert remedy in why_broker_ended(SETTINGS, f"line before\n{written}\nline after")

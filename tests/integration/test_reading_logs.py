"""Reading of logs for other tests: what was committed is read, though its markers come later."""

from support.kafka import TestInstallation
from support.log import read_committed
from support.warehouse import log_ends

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click
from reftrail.contracts.topics import EVENTS
from reftrail.hosting.kafka.blocking import blocking_producer


def _click(number: int) -> Click:
    return Click(event_id=f"e{number}", event_time=1, received_at=1, visitor_id=f"v{number}")


def test_what_was_committed_is_read_at_once(installation: TestInstallation) -> None:
    name, numbers = installation.name_of(EVENTS), range(installation.partitions)
    producer = blocking_producer(installation, transactional_id=f"{installation.topic_prefix}t")
    producer.init_transactions()
    for turn in range(1, 31):
        producer.begin_transaction()
        for partition in numbers:
            producer.send(name, encode(_click(turn)), key=b"v", partition=partition)
        producer.commit_transaction()
        ends = log_ends(installation)
        assert all(ends[EVENTS.name, partition] >= 2 * turn - 1 for partition in numbers)
        found = read_committed(installation, EVENTS)
        assert len(found) == turn * len(numbers)
    producer.close()

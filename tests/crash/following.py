"""Reads a topic as it grows, for those who react to what they find there."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from kafka.errors import KafkaError
from support.log import reading

from reftrail.contracts.codec import decode
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic


def follow(
    installation: Installation, topic: Topic, has_ended: Callable[[], bool]
) -> Iterator[list[Any]]:
    """The committed records from the first on, as they come; every now and then none.

    A broker that was killed is waited for.
    """
    consumer = None
    while not has_ended():
        try:
            consumer = consumer or reading(installation, topic)
            found: dict[Any, list[Any]] = consumer.poll(timeout_ms=200)
        except KafkaError:
            time.sleep(0.2)
            continue
        yield [decode(message.value) for messages in found.values() for message in messages]
    if consumer is not None:
        consumer.close()

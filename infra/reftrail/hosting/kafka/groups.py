# ruff: noqa: SLF001  (the client has no public way to the whole answer)
"""Committed positions of a consumer group. Error codes of the broker are checked."""

import logging
from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from tenacity import (
    before_sleep_log,
    retry,
    retry_if_exception,
    stop_after_delay,
    wait_exponential_jitter,
)

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.asynchronous import async_admin, is_retriable

_log = logging.getLogger(__name__)
_GIVE_UP_AFTER: Final = 60.0


@retry(
    retry=retry_if_exception(is_retriable),
    wait=wait_exponential_jitter(multiplier=0.1, max=2),
    stop=stop_after_delay(_GIVE_UP_AFTER),
    before_sleep=before_sleep_log(_log, logging.WARNING),
    reraise=True,
)
async def group_positions(
    installation: Installation, group: str, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """The positions that a group has committed, without partitions where it has none.

    A coordinator that is loading or moving is asked again, for up to a minute. Raises `KafkaError`
    if the answer is an error: an error must not look like a group without positions.
    """
    by_topic: defaultdict[str, list[int]] = defaultdict(list)
    for at in partitions:
        by_topic[at.topic].append(at.partition)
    admin = async_admin(installation)
    try:
        await admin.start()
        coordinator = await admin.find_coordinator(group)
        # The client's own list_consumer_group_offsets doesn't read the error of the group.
        request = OffsetFetchRequest(group, list(by_topic.items()))
        answer: Any = await admin._send_request(request, coordinator)
    finally:
        await admin.close()
    _check(answer.error_code)
    found = {}
    for topic, committed in answer.topics:
        for partition, offset, _, error in committed:
            _check(error)
            if offset >= 0:
                found[TopicPartition(topic, partition)] = offset
    return found


def _check(code: int) -> None:
    if code:
        raise for_code(code)

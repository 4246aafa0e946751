"""Committed positions of a consumer group. Error codes of the broker are checked."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final

from aiokafka import TopicPartition
from tenacity import (
    before_sleep_log,
    retry,
    retry_if_exception,
    stop_after_delay,
    wait_exponential_jitter,
)

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.blocking import blocking_admin, is_retriable

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
    if the answer is an error: an error must not look like a group without positions. (aiokafka
    reads the errors of single partitions only, and the broker reports the group's beside them.)
    """
    return await asyncio.to_thread(_group_positions, installation, group, partitions)


def _group_positions(
    installation: Installation, group: str, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    admin: Any = blocking_admin(installation)
    try:
        found = admin.list_group_offsets({group: list(partitions)})[group]
    finally:
        admin.close()
    return {
        TopicPartition(at.topic, at.partition): committed.offset
        for at, committed in found.items()
        if committed.offset >= 0
    }

"""What a group has committed, as read from a real broker, also when that isn't ready to say it."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorLoadInProgressError, GroupAuthorizationFailedError, KafkaError
from kafka.structs import OffsetAndMetadata
from support.kafka import TestInstallation

from reftrail.contracts.topics import EVENTS
from reftrail.hosting.kafka.groups import group_positions
from reftrail.local.topics import admin


class GroupErrors:
    """Puts an error code over the next answers of the broker, where the group's own is."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, error: type[KafkaError], times: int
    ) -> None:
        self.left = times
        parse = KafkaAdminClient._parse_group_offsets

        def answer(group: Any) -> Any:
            if self.left:
                self.left -= 1
                group.error_code, group.topics = error.errno, []
            return parse(group)

        monkeypatch.setattr(KafkaAdminClient, "_parse_group_offsets", staticmethod(answer))


def _commit(installation: TestInstallation) -> dict[TopicPartition, int]:
    at = TopicPartition(installation.name_of(EVENTS), 1)
    with admin(installation) as client:
        client.alter_group_offsets(installation.topic_prefix, {at: OffsetAndMetadata(7, "", -1)})
    return {at: 7}


async def _positions(installation: TestInstallation) -> dict[TopicPartition, int]:
    name = installation.name_of(EVENTS)
    partitions = [TopicPartition(name, n) for n in range(installation.partitions)]
    return await group_positions(installation, installation.topic_prefix, partitions)


async def test_positions_of_a_group_and_of_one_that_is_not_there(
    installation: TestInstallation,
) -> None:
    assert await _positions(installation) == {}
    committed = _commit(installation)
    assert await _positions(installation) == committed


async def test_a_coordinator_that_is_loading_is_asked_again(
    installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = _commit(installation)
    errors = GroupErrors(monkeypatch, CoordinatorLoadInProgressError, times=2)
    assert await _positions(installation) == committed
    assert errors.left == 0


async def test_an_error_is_not_a_group_without_positions(
    installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _commit(installation)
    GroupErrors(monkeypatch, GroupAuthorizationFailedError, times=1)
    with pytest.raises(GroupAuthorizationFailedError):
        await _positions(installation)

"""Committed offsets of a group, read from a real broker, also when that isn't ready to answer."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    KafkaError,
)
from aiokafka.protocol.commit import OffsetFetchRequest
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
        send = AIOKafkaAdminClient._send_request

        async def answer(client: AIOKafkaAdminClient, request: Any, node: int | None = None) -> Any:
            answer = await send(client, request, node)
            if self.left and isinstance(request, OffsetFetchRequest):
                self.left -= 1
                answer.error_code, answer.topics = error.errno, []
            return answer

        monkeypatch.setattr(AIOKafkaAdminClient, "_send_request", answer)


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
    errors = GroupErrors(monkeypatch, GroupLoadInProgressError, times=2)
    assert await _positions(installation) == committed
    assert errors.left == 0


async def test_an_error_is_not_a_group_without_positions(
    installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _commit(installation)
    GroupErrors(monkeypatch, GroupAuthorizationFailedError, times=1)
    with pytest.raises(GroupAuthorizationFailedError):
        await _positions(installation)

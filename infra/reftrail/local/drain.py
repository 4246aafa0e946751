"""Waits until everything that was sent has been decided on and put into the warehouse."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import PUBLIC_TOPICS, Topic
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.topics import admin

_ASK_EVERY: Final = 0.1
_READ_WITHIN: Final = 1.0
_LONGEST_CHAIN: Final = 20
"""No record has consequences over more topics than that, one after the other; ticks never end."""

Positions = Mapping[TopicPartition, int]


def wait_until_drained(
    installation: Installation,
    group: str,
    positions_url: str | None,
    secret_key: str,
    timeout: float = 120.0,
) -> None:
    """Wait until nothing is left to do, provided that nothing more is sent meanwhile.

    First the stages: the group has committed all there is to read in what they read, and then what
    they wrote for each other meanwhile. Then the warehouse, where positions_url (its /v1/positions)
    is given: it stands at the end of every public topic. Transaction markers, which no reader gets
    to see, may lie between a position and the end.

    Raises `TimeoutError` after so many seconds, naming what lags and by how much.
    """
    until = time.monotonic() + timeout
    with _log_of(installation) as log:
        _wait_for_stages(log, group, until)
        if positions_url is not None:
            _wait(
                log,
                PUBLIC_TOPICS,
                lambda: _warehouse_positions(installation, positions_url, secret_key),
                "warehouse",
                until,
            )


@dataclass(frozen=True, slots=True)
class _Log:
    """The installation's topics, seen by an administrator and a reader of committed records."""

    installation: Installation
    client: Any
    reader: Any

    def ends(self, topics: tuple[Topic, ...]) -> dict[TopicPartition, int]:
        """The offset after the last record or marker, open transactions included."""
        names = [self.installation.name_of(topic) for topic in topics]
        partitions = [
            TopicPartition(topic["name"], partition["partition_index"])
            for topic in self.client.describe_topics(names)
            for partition in topic["partitions"]
        ]
        found = self.client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return {partition: offset.offset for partition, offset in found.items()}

    def committed(self, group: str) -> dict[TopicPartition, int]:
        """How far a consumer group has come."""
        offsets = self.client.list_group_offsets(group)[group]
        return {partition: offset.offset for partition, offset in offsets.items()}

    def is_all_read(self, positions: Positions, ends: Positions) -> bool:
        """Whether readers of committed records get nothing between positions and ends."""
        behind = [partition for partition, end in ends.items() if positions[partition] < end]
        self.reader.assign(behind)
        for partition in behind:
            self.reader.seek(partition, positions[partition])
        until = time.monotonic() + _READ_WITHIN
        while behind := [
            partition for partition in behind if self.reader.position(partition) < ends[partition]
        ]:
            found = self.reader.poll(timeout_ms=100)
            if time.monotonic() > until or any(
                message.offset < ends[partition]
                for partition, messages in found.items()
                for message in messages
            ):
                return False
        return True


def _wait_for_stages(log: _Log, group: str, until: float) -> None:
    """Wait for what there is, then for what followed from that, until nothing more does."""
    inputs = tuple(stage.reads for stage in TOPOLOGY)
    due: Positions | None = None
    rounds = 0
    while rounds < _LONGEST_CHAIN:
        if time.monotonic() > until:
            raise TimeoutError(_why_not_quiet(log, group))
        try:
            due = due or log.ends(inputs)
            if log.is_all_read({**dict.fromkeys(due, 0), **log.committed(group)}, due):
                rounds, read, due = rounds + 1, due, log.ends(inputs)
                if due == read:
                    return
                continue
        except KafkaError as error:
            if not error.retriable:
                raise
        time.sleep(_ASK_EVERY)


def _why_not_quiet(log: _Log, group: str) -> str:
    """The first stage that lags, in the order of the flow."""
    for stage in TOPOLOGY:
        if lag := _lag(log, (stage.reads,), lambda: log.committed(group)):
            return f"stage {stage.name} has not read all there is: {lag}"
    return "the stages go on writing for each other"


def _wait(
    log: _Log,
    topics: tuple[Topic, ...],
    positions: Callable[[], Positions],
    reader: str,
    until: float,
) -> None:
    while lag := _lag(log, topics, positions):
        if time.monotonic() > until:
            raise TimeoutError(f"{reader} has not read all there is: {lag}")
        time.sleep(_ASK_EVERY)


def _lag(log: _Log, topics: tuple[Topic, ...], positions: Callable[[], Positions]) -> str | None:
    """What is still to be read, in words; None if nothing is."""
    try:
        ends = log.ends(topics)
        at = {**dict.fromkeys(ends, 0), **positions()}
        return None if log.is_all_read(at, ends) else _words(at, ends)
    except KafkaError as error:
        if not error.retriable:
            raise
        return f"the broker does not say now ({error!r})"


def _words(at: Positions, ends: Positions) -> str:
    return ", ".join(
        f"{partition.topic}[{partition.partition}] at {at[partition]} of {end}"
        for partition, end in sorted(ends.items())
        if at[partition] < end
    )


def _warehouse_positions(
    installation: Installation, url: str, secret_key: str
) -> dict[TopicPartition, int]:
    """Where the warehouse stands; nowhere while it doesn't answer (it may be starting)."""
    try:
        answer = httpx.get(url, headers={"Authorization": f"Bearer {secret_key}"}, timeout=5.0)
        answer.raise_for_status()
    except httpx.HTTPError:
        return {}
    return {
        TopicPartition(installation.topic_prefix + name, int(partition)): offset
        for name, offsets in answer.json().items()
        for partition, offset in offsets.items()
    }


@contextmanager
def _log_of(installation: Installation) -> Iterator[_Log]:
    with admin(installation) as client:
        reader = KafkaConsumer(
            bootstrap_servers=installation.bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )
        try:
            yield _Log(installation, client, reader)
        finally:
            reader.close()

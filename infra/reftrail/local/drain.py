"""Waits until everything that was sent has been decided on and put into the warehouse."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.engine.topology import TOPOLOGY
from reftrail.hosting.kafka.blocking import blocking_consumer
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
    is given: it is at the end of every public topic. Transaction markers, which no reader gets
    to see, may lie between a position and the end.

    Raises `TimeoutError` after so many seconds, naming what lags and by how much.
    """
    until = time.monotonic() + timeout
    with _log_of(installation) as log:
        _wait_for_stages(log, group, until)
        if positions_url is not None:
            headers = {"Authorization": f"Bearer {secret_key}"}
            with httpx.Client(headers=headers, timeout=5.0) as client:
                positions = partial(_warehouse_positions, installation, client, positions_url)
                _wait_for_warehouse(_Reader(log, positions), until)


@dataclass(frozen=True, slots=True)
class _Log:
    """The installation's topics, seen by an administrator and a reader of committed records."""

    installation: Installation
    client: Any
    reader: Any
    partitions: dict[tuple[Topic, ...], list[TopicPartition]] = field(default_factory=dict)

    def ends(self, topics: tuple[Topic, ...]) -> dict[TopicPartition, int]:
        """The offset after the last record or marker, open transactions included."""
        partitions = self.partitions.get(topics)
        if partitions is None:
            names = [self.installation.name_of(topic) for topic in topics]
            partitions = self.partitions[topics] = [
                TopicPartition(topic["name"], partition["partition_index"])
                for topic in self.client.describe_topics(names)
                for partition in topic["partitions"]
            ]
        found = self.client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return {partition: offset.offset for partition, offset in found.items()}

    def committed(self, group: str) -> dict[TopicPartition, int]:
        """The progress of a consumer group."""
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


@dataclass(slots=True)
class _Reader:
    """Somebody who is waited for, and where they stood when last asked."""

    log: _Log
    positions: Callable[[], Positions]
    at: Positions | None = None

    def has_read(self, ends: Positions) -> bool:
        """Whether they are done up to ends. A host that has moved since the last question isn't.

        So the topics are read only once nobody does any more, and those waited for not slowed down.
        """
        before, self.at = self.at, {**dict.fromkeys(ends, 0), **self.positions()}
        if all(self.at[partition] >= end for partition, end in ends.items()):
            return True
        return before in (None, self.at) and self.log.is_all_read(self.at, ends)

    def lag(self, topics: tuple[Topic, ...]) -> str | None:
        """The records still to be read, in words; None if there are none."""
        try:
            ends = self.log.ends(topics)
            at = {**dict.fromkeys(ends, 0), **self.positions()}
            return None if self.log.is_all_read(at, ends) else _words(at, ends)
        except KafkaError as error:
            if not error.retriable:
                raise
            return f"the broker does not say now ({error!r})"


def _wait_for_stages(log: _Log, group: str, until: float) -> None:
    """Wait for what there is, then for what followed from that, until nothing more does."""
    inputs = tuple(stage.reads for stage in TOPOLOGY)
    stages = _Reader(log, lambda: log.committed(group))
    due: Positions | None = None
    rounds = 0
    while rounds < _LONGEST_CHAIN:
        if time.monotonic() > until:
            raise TimeoutError(_why_not_quiet(stages))
        with _patience():
            due = due or log.ends(inputs)
            if stages.has_read(due):
                rounds, read, due = rounds + 1, due, log.ends(inputs)
                if due == read:
                    return
                continue
        time.sleep(_ASK_EVERY)


def _why_not_quiet(stages: _Reader) -> str:
    """The first stage that lags, in the order of the flow."""
    for stage in TOPOLOGY:
        if lag := stages.lag((stage.reads,)):
            return f"stage {stage.name} has not read all there is: {lag}"
    return "the stages go on writing for each other"


def _wait_for_warehouse(warehouse: _Reader, until: float) -> None:
    while True:
        with _patience():
            if warehouse.has_read(warehouse.log.ends(PUBLIC_TOPICS)):
                return
        if time.monotonic() > until:
            lag = warehouse.lag(PUBLIC_TOPICS) or "it is still moving"
            raise TimeoutError(f"warehouse has not read all there is: {lag}")
        time.sleep(_ASK_EVERY)


@contextmanager
def _patience() -> Iterator[None]:
    """A broker that doesn't answer now may later."""
    try:
        yield
    except KafkaError as error:
        if not error.retriable:
            raise


def _words(at: Positions, ends: Positions) -> str:
    return ", ".join(
        f"{partition.topic}[{partition.partition}] at {at[partition]} of {end}"
        for partition, end in sorted(ends.items())
        if at[partition] < end
    )


def _warehouse_positions(
    installation: Installation, client: httpx.Client, url: str
) -> dict[TopicPartition, int]:
    """Positions of the warehouse; none while it doesn't answer (it may be starting)."""
    try:
        answer = client.get(url)
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
        reader = blocking_consumer(
            installation,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            check_crcs=False,  # only offsets matter here, and the client sums up in Python
        )
        try:
            yield _Log(installation, client, reader)
        finally:
            reader.close()

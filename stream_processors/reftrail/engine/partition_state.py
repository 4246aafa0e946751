"""All that a worker keeps for one partition: each stage's state, and how far each has read."""

import time
from collections.abc import Iterable, Mapping

from reftrail.contracts.topic import Topic
from reftrail.engine.positions import is_position, position_of
from reftrail.engine.stage import Stage
from reftrail.engine.state import StateStore
from reftrail.engine.store import MemoryStore, PartitionStore
from reftrail.hosting.kafka.log_bounds import Position


class PartitionState:
    """The state of a topology's stages on one partition, by stage, and their positions.

    positions has the committed ones that are known, by the name of the topic without prefix. It
    outlives a rebalance: what is here is read from the changelogs once. By default it is in memory.
    """

    def __init__(self, stages: Iterable[Stage], store: PartitionStore | None = None) -> None:
        self._stages = tuple(stages)
        self._store = store or MemoryStore()
        self._progress = self._store.progress
        self._make_stores()

    def _make_stores(self) -> None:
        self.stores = {stage.name: StateStore(stage, self._store) for stage in self._stages}
        self._by_changelog = {
            stage.changelog: self.stores[stage.name]
            for stage in self._stages
            if stage.changelog is not None
        }
        for changelog, kept in self._by_changelog.items():
            kept.restored_to = self._progress.restored_to.get(changelog.name)

    @property
    def positions(self) -> Mapping[str, Position]:
        """See above."""
        return self._progress.positions

    @property
    def is_empty(self) -> bool:
        """Whether no stage has state."""
        return not any(len(store.packed) for store in self.stores.values())

    @property
    def changelogs(self) -> Mapping[Topic, int | None]:
        """The changelogs with the position up to which each has been restored, if any of it."""
        return {topic: store.restored_to for topic, store in self._by_changelog.items()}

    def restore(self, changelog: Topic, key: bytes | None, value: bytes | None) -> None:
        """Take over one message of a changelog."""
        if key is not None and is_position(key):
            topic, position = position_of(key, value)
            if position is None:
                self._progress.positions.pop(topic, None)
            else:
                self._progress.positions[topic] = position
        else:
            self._by_changelog[changelog].restore(key, value)

    def restored(self, changelog: Topic, up_to: int) -> None:
        """Note that the state has everything in a changelog before a position."""
        self._restored_to(changelog, up_to)
        self._store.write(self._progress)

    def is_current(self) -> None:
        """Note that the state has all that is committed by now, as of the last write at least."""
        self._progress.current_at = time.time()

    def committed(self, positions: Mapping[str, Position], ends: Mapping[Topic, int]) -> None:
        """Note what the owner of the partition has committed, which needn't be read again.

        positions by topic, ends with the position after the last message in each changelog. The
        state itself was changed when it was decided.
        """
        self._progress.positions.update(positions)
        for changelog, end in ends.items():
            if changelog in self._by_changelog:
                self._restored_to(changelog, end)
        self.is_current()
        self._store.write(self._progress)

    def discard(self, reason: str) -> None:
        """Forget everything, for a reason: all is to be restored."""
        self._store.clear(reason)
        self._progress = self._store.progress
        self._make_stores()

    def close(self) -> None:
        """Let go of it. What is on disk stays there."""
        self._store.close()

    def _restored_to(self, changelog: Topic, position: int) -> None:
        self._by_changelog[changelog].restored_to = position
        self._progress.restored_to[changelog.name] = position

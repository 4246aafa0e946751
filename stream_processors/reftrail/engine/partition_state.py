"""All that a worker keeps for one partition: each stage's state, and how far each has read."""

from collections.abc import Iterable, Mapping

from reftrail.contracts.topic import Topic
from reftrail.engine.positions import is_position, position_of
from reftrail.engine.stage import Stage
from reftrail.engine.state import StateStore


class PartitionState:
    """The state of a topology's stages on one partition, by stage, and their positions.

    positions has the committed ones that are known, by the name of the topic without prefix. It
    outlives a rebalance: what is here is read from the changelogs once.
    """

    def __init__(self, stages: Iterable[Stage]) -> None:
        stages = tuple(stages)
        self.stores = {stage.name: StateStore(stage) for stage in stages}
        self.positions: dict[str, int] = {}
        self._by_changelog = {
            stage.changelog: self.stores[stage.name]
            for stage in stages
            if stage.changelog is not None
        }

    @property
    def is_empty(self) -> bool:
        """Whether no stage has state."""
        return not any(store.packed for store in self.stores.values())

    @property
    def changelogs(self) -> Mapping[Topic, int | None]:
        """The changelogs with the position up to which each has been restored, if any of it."""
        return {topic: store.restored_to for topic, store in self._by_changelog.items()}

    def restore(self, changelog: Topic, key: bytes | None, value: bytes | None) -> None:
        """Take over one message of a changelog."""
        if key is not None and is_position(key):
            topic, position = position_of(key, value)
            if position is None:
                self.positions.pop(topic, None)
            else:
                self.positions[topic] = position
        else:
            self._by_changelog[changelog].restore(key, value)

    def restored(self, changelog: Topic, up_to: int) -> None:
        """Note that the state has all that stands in a changelog before a position."""
        self._by_changelog[changelog].restored_to = up_to

    def committed(self, positions: Mapping[str, int], ends: Mapping[Topic, int]) -> None:
        """Note what the owner of the partition has committed, which needn't be read again.

        positions by topic, ends with the position after the last message in each changelog. The
        state itself was changed when it was decided.
        """
        self.positions.update(positions)
        for changelog, end in ends.items():
            if changelog in self._by_changelog:
                self._by_changelog[changelog].restored_to = end

"""State that is restored from changelogs, and restores that begin anew."""

from collections.abc import Iterable

import msgspec
import pytest
from aiokafka import TopicPartition
from support.stores import NewStore

from reftrail.contracts.changelogs import ATTRIBUTION_CHANGELOG, TOUCH_CHANGELOG
from reftrail.engine import restore
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.restore import discard_unfit
from reftrail.engine.topology import TOPOLOGY
from reftrail.hosting.kafka.log_bounds import LogBounds
from reftrail.rules.touch.state import TouchState

TOUCHES = TopicPartition("referral.touch-changelog", 0)
USERS = TopicPartition("referral.attribution-changelog", 0)


class Log:
    """Stands in for a reader: where logs begin and end, one answer after another."""

    def __init__(self, *ends: int) -> None:
        self.ends = list(ends)
        self.sought: dict[TopicPartition, int] = {}

    async def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, LogBounds]:
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        return {at: LogBounds(2, end if at == TOUCHES else 99) for at in partitions}

    def seek(self, partition: TopicPartition, position: int) -> None:
        self.sought[partition] = position


async def _checked(store: NewStore, log: Log, touches_to: int) -> PartitionState:
    state = PartitionState(TOPOLOGY, store())
    state.restore(TOUCH_CHANGELOG, b"v", msgspec.msgpack.encode(TouchState()))
    state.restored(TOUCH_CHANGELOG, touches_to)
    state.restored(ATTRIBUTION_CHANGELOG, 5)
    changelogs = {TOUCHES: (state, TOUCH_CHANGELOG), USERS: (state, ATTRIBUTION_CHANGELOG)}
    await discard_unfit(log, changelogs)  # type: ignore[arg-type]
    return state


@pytest.mark.parametrize("touches_to", [1, 11])
async def test_a_state_that_the_log_does_not_hold_is_restored_from_its_beginning(
    new_store: NewStore, touches_to: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "_PAUSE_SECONDS", 0)
    log = Log(10)
    state = await _checked(new_store, log, touches_to)
    assert state.is_empty
    assert set(state.changelogs.values()) == {None}
    assert log.sought == {TOUCHES: 2, USERS: 2}


async def test_what_was_just_committed_may_become_visible_late(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "_PAUSE_SECONDS", 0)
    log = Log(10, 10, 11)
    state = await _checked(new_store, log, touches_to=11)
    assert set(state.stores["touch"].packed) == {"v"}
    assert log.sought == {}

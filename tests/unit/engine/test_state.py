"""What a stage keeps: the committed state, and what a batch changes on top of it."""

from support.timers import TIMERS, Rung, Timer, review

from reftrail.engine.state import Batch, StateStore

EVENT = review("set", "AMY", "u1", 0, "1 0")


def changes(store: StateStore, rung: Rung, timer: Timer) -> dict[str, bytes | None]:
    """Of a batch that leaves these states."""
    batch = Batch(TIMERS, store)
    keys, _ = batch.load(EVENT)
    batch.save(keys, (rung, timer))
    return batch.changes()


def test_what_is_empty_again_is_forgotten_everywhere() -> None:
    store, restored = StateStore(TIMERS), StateStore(TIMERS)
    for timer in (Timer(due_at=5), Timer()):
        changed = changes(store, Rung(1), timer)
        store.apply(changed)
        for key, value in changed.items():
            restored.restore(key.encode(), value)
    assert changed == {"AMY:u1": None}
    assert store.packed.keys() == restored.packed.keys() == {"AMY"}
    assert store.alarms.due(99, 1) == restored.alarms.due(99, 1) == []


def test_what_was_never_kept_needs_no_word() -> None:
    store = StateStore(TIMERS)
    assert changes(store, Rung(), Timer()) == {}


def test_what_stays_as_it_is_needs_no_word() -> None:
    store = StateStore(TIMERS)
    store.apply(changes(store, Rung(1), Timer(due_at=5)))
    assert changes(store, Rung(1), Timer(due_at=5)) == {}
    assert changes(store, Rung(2), Timer(due_at=5)).keys() == {"AMY"}
    assert store.alarms.due(5, 1) == [(5, "AMY:u1")]

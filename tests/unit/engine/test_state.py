"""State of a stage: the committed one, and a batch's changes on top of it."""

import msgspec
import pytest
from support.stores import NewStore
from support.timers import TIMERS, Rung, Timer, review, ticks

from reftrail.contracts.conversions import Converted
from reftrail.contracts.record import Record
from reftrail.engine.keys import user_timer_fired
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import UnknownStateError
from reftrail.engine.state import Batch, StateStore
from reftrail.engine.topology import STAGES
from reftrail.rules.attribution.decider import AttributionDecider
from reftrail.rules.attribution.state import AttributionState
from reftrail.rules.decider import Cause, TimerFired
from reftrail.rules.reward.state import ReferralCell
from reftrail.testing import claimed, converted, moment

EVENT = review("set", "AMY", "u1", 0, "1 0")


def changes(store: StateStore, rung: Rung, timer: Timer) -> dict[str, bytes | None]:
    """Of a batch that leaves these states."""
    batch = Batch(TIMERS, store)
    keys, _ = batch.load(EVENT)
    batch.save(keys, (rung, timer))
    return batch.changes()


def test_what_is_empty_again_is_forgotten_everywhere(new_store: NewStore) -> None:
    store, restored = StateStore(TIMERS, new_store()), StateStore(TIMERS, new_store())
    for timer in (Timer(due_at=5), Timer()):
        changed = changes(store, Rung(1), timer)
        store.apply(changed)
        for key, value in changed.items():
            restored.restore(key.encode(), value)
    assert changed == {"AMY:u1": None}
    assert store.packed.keys() == restored.packed.keys() == {"AMY"}
    assert store.timers.due(99, 1) == restored.timers.due(99, 1) == []


def test_what_was_never_kept_needs_no_word(new_store: NewStore) -> None:
    store = StateStore(TIMERS, new_store())
    assert changes(store, Rung(), Timer()) == {}


def test_what_stays_as_it_is_needs_no_word(new_store: NewStore) -> None:
    store = StateStore(TIMERS, new_store())
    store.apply(changes(store, Rung(1), Timer(due_at=5)))
    assert changes(store, Rung(1), Timer(due_at=5)) == {}
    assert changes(store, Rung(2), Timer(due_at=5)).keys() == {"AMY"}
    assert store.timers.due(5, 1) == [(5, "AMY:u1")]


# A family of cells.

ATTRIBUTION = STAGES["attribution"]
CAUSE = Cause("attribution-inputs", 0, 0)


def decided(store: StateStore, record: Record) -> dict[str, bytes | None]:
    """The changes of a batch of one record."""
    decider = ATTRIBUTION.decider
    assert isinstance(decider, AttributionDecider)
    assert isinstance(record, Converted | TimerFired)
    batch = Batch(ATTRIBUTION, store)
    keys, state = batch.load(record)
    assert keys == ("u1",)
    batch.save(keys, decider.settle(state, record, CAUSE, ReferenceTables())[1])
    return batch.changes()


def test_cells_that_a_decision_changes_are_kept_each_under_its_key(new_store: NewStore) -> None:
    store = StateStore(ATTRIBUTION, new_store())
    for order in ("o1", "o2"):
        bought = converted("purchase", "11:00", order_id=order).record()
        store.apply(decided(store, bought))
    assert store.packed.keys() == {"u1", "u1:w:purchase o1 11:00", "u1:w:purchase o2 11:00"}
    due_at = moment("30d 11:00")
    assert store.timers.due(due_at, 9) == [
        (due_at, "u1:w:purchase o1 11:00"),
        (due_at, "u1:w:purchase o2 11:00"),
    ]


def test_cells_that_are_empty_again_are_forgotten_and_wake_no_more(new_store: NewStore) -> None:
    store, restored = StateStore(ATTRIBUTION, new_store()), StateStore(ATTRIBUTION, new_store())
    (tick,) = ticks(moment("30d 11:00"), 1)
    for record in (
        converted("purchase", "11:00", order_id="o1").record(),
        user_timer_fired("u1:w:purchase o1 11:00", tick, CAUSE),
    ):
        changed = decided(store, record)
        store.apply(changed)
        for key, value in changed.items():
            restored.restore(key.encode(), value)
    assert changed["u1:w:purchase o1 11:00"] is None
    assert store.packed.keys() == restored.packed.keys() == {"u1"}
    assert store.timers.due(moment("99d 00:00"), 9) == []
    assert restored.timers.due(moment("99d 00:00"), 9) == []


def test_a_cell_that_a_batch_has_changed_wakes_by_what_it_is_by_now(new_store: NewStore) -> None:
    store = StateStore(ATTRIBUTION, new_store())
    store.apply(decided(store, converted("purchase", "11:00", order_id="o1").record()))
    batch = Batch(ATTRIBUTION, store)
    (tick,) = ticks(moment("30d 11:00"), 1)
    assert batch.due(tick.event_time) == ["u1:w:purchase o1 11:00"]
    fired = user_timer_fired("u1:w:purchase o1 11:00", tick, CAUSE)
    keys, state = batch.load(fired)
    decider = ATTRIBUTION.decider
    assert isinstance(decider, AttributionDecider)
    batch.save(keys, decider.settle(state, fired, CAUSE, ReferenceTables())[1])
    assert batch.due(tick.event_time) == []


def test_what_waits_for_a_signup_is_listed_with_what_the_batch_has_changed(
    new_store: NewStore,
) -> None:
    store = StateStore(ATTRIBUTION, new_store())
    store.apply(decided(store, converted("purchase", "11:00", order_id="o1").record()))
    batch = Batch(ATTRIBUTION, store)
    second = converted("purchase", "11:00", order_id="o2").record()
    keys, state = batch.load(second)
    decider = ATTRIBUTION.decider
    assert isinstance(decider, AttributionDecider)
    assert isinstance(second, Converted)
    batch.save(keys, decider.settle(state, second, CAUSE, ReferenceTables())[1])
    _, cells = batch.load(second)
    assert cells.under("u1") == ["u1:w:purchase o1 11:00", "u1:w:purchase o2 11:00"]
    changes = batch.changes()
    assert batch.due_times(changes) == {"u1:w:purchase o2 11:00": moment("30d 11:00")}


@pytest.mark.parametrize(
    ("key", "old"),
    [
        ("u1", [[], None, None, 1, "e1", 1_790_000_000_000]),
        ("u1:w:e1", [["purchase", "e1", 0, 0], 5, "attribution-inputs", 0, 0, ""]),
    ],
)
def test_what_waited_under_an_older_version_is_refused(
    key: str, old: list[object], new_store: NewStore
) -> None:
    def restored() -> None:
        store = StateStore(ATTRIBUTION, new_store())
        store.restore(key.encode(), msgspec.msgpack.encode(old))
        _, cells = Batch(ATTRIBUTION, store).load(converted("purchase", "11:00").record())
        cells.get("u1", AttributionState)

    with pytest.raises(UnknownStateError, match="another version of reftrail wrote it"):
        restored()


def test_state_of_another_version_is_told_apart_from_a_fault(new_store: NewStore) -> None:
    store = StateStore(None, new_store())
    store.packed["AMY:bob"] = msgspec.msgpack.encode([["what an older version kept"]])
    batch = Batch(STAGES["reward"], store)
    _, cells = batch.load(claimed("signup", "AMY", at="10:00", user_id="bob").record())
    with pytest.raises(UnknownStateError, match="another version of reftrail wrote it"):
        cells.get("AMY:bob", ReferralCell)

"""Begin and end of a warehouse's turn, by a clock that the tests set."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse import standby
from reftrail.warehouse.epochs import Epoch, overtaken
from reftrail.warehouse.ledger import ClaimedByAnotherError
from reftrail.warehouse.standby import Standby

SILENCE: Final = 5.0


class MemoryEpochs:
    """Epochs without ClickHouse. looked is called at each look at the latest."""

    def __init__(self, latest: Epoch | None, looked: Callable[[], None] = lambda: None) -> None:
        self.now = latest
        self._looked = looked
        self.written: list[Epoch] = []
        self.beating = threading.Event()
        self.may_beat = threading.Event()
        self.may_beat.set()
        self.is_overtaken = False

    def latest(self) -> Epoch | None:
        self._looked()
        return self.now

    def claim(self, after: int) -> int:
        self._write(Epoch(after + 1, "self", 0, is_released=False))
        return after + 1

    def beat(self) -> None:
        self.beating.set()
        self.may_beat.wait(20)
        if self.is_overtaken:
            raise overtaken()
        assert self.now is not None
        self._write(Epoch(self.now.number, "self", self.now.beat + 1, is_released=False))

    def release(self) -> None:
        assert self.now is not None
        self._write(Epoch(self.now.number, "self", self.now.beat + 1, is_released=True))

    def _write(self, epoch: Epoch) -> None:
        self.now = epoch
        self.written.append(epoch)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def look_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "_LOOK_SECONDS", 0.0)


def other(beat: int = 0, *, released: bool = False) -> Epoch:
    return Epoch(6, "other", beat, is_released=released)


@pytest.mark.parametrize(("latest", "number"), [(None, 1), (other(released=True), 7)])
async def test_the_turn_begins_at_once_where_nobody_loads(
    latest: Epoch | None, number: int
) -> None:
    epochs: Any = MemoryEpochs(latest)

    assert await Standby(epochs, SILENCE, clock=Clock()).turn(asyncio.Event()) == number


async def test_a_standby_waits_while_there_are_signs_of_life_and_follows() -> None:
    clock = Clock()
    heard: list[str | None] = []
    followed: list[float] = []

    def looked() -> None:
        clock.now += SILENCE - 1
        if len(followed) < 3:
            epochs.now = other(epochs.now.beat + 1)

    epochs: Any = MemoryEpochs(other(), looked)
    turns = Standby(epochs, SILENCE, heard.append, lambda: followed.append(clock.now), clock)

    assert await turns.turn(asyncio.Event()) == 7
    assert heard == ["other", None]
    assert len(followed) >= 3


class Slow:
    """A follow that takes until it is let go, as the first reading of all known ids."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.has_ended = False

    def __call__(self) -> None:
        self.begun.set()
        assert self.let_go.wait(20)
        self.has_ended = True


async def test_a_turn_begins_while_follow_is_under_way_and_loads_after_it() -> None:
    slow = Slow()

    def looked() -> None:
        if slow.begun.is_set():
            epochs.now = other(released=True)

    epochs: Any = MemoryEpochs(other(), looked)
    turns = Standby(epochs, SILENCE, follow=slow, clock=Clock())

    assert await turns.turn(asyncio.Event()) == 7
    assert not slow.has_ended

    async def work() -> None:
        asyncio.get_running_loop().call_soon(slow.let_go.set)
        await turns.followed(asyncio.Event())
        assert slow.has_ended

    await turns.hold(work())


@pytest.mark.parametrize("is_turn", [False, True], ids=["in the wait", "in the turn"])
async def test_a_stop_does_not_wait_for_follow(*, is_turn: bool) -> None:
    slow, stop = Slow(), asyncio.Event()

    def looked() -> None:
        if slow.begun.is_set():
            if is_turn:
                epochs.now = other(released=True)
            else:
                loop.call_soon_threadsafe(stop.set)

    loop = asyncio.get_running_loop()
    epochs: Any = MemoryEpochs(other(), looked)
    turns = Standby(epochs, SILENCE, follow=slow, clock=Clock())

    assert await turns.turn(stop) == (7 if is_turn else None)
    loop.call_soon(stop.set)
    await turns.followed(stop)

    assert not slow.has_ended
    slow.let_go.set()


async def test_an_end_of_the_process_does_not_wait_for_follow() -> None:
    """Python waits at its end for threads of pools, and for all that aren't daemons."""
    slow, stop = Slow(), asyncio.Event()
    threads: list[threading.Thread] = []

    def follow() -> None:
        threads.append(threading.current_thread())
        stop_soon()
        slow()

    def stop_soon() -> None:
        loop.call_soon_threadsafe(stop.set)

    loop = asyncio.get_running_loop()
    epochs: Any = MemoryEpochs(other())
    await Standby(epochs, SILENCE, follow=follow, clock=Clock()).turn(stop)

    assert [thread.daemon for thread in threads] == [True]
    slow.let_go.set()


async def test_what_follow_raises_ends_the_wait() -> None:
    def follow() -> None:
        raise DatabaseError("no such table")

    epochs: Any = MemoryEpochs(other())

    with pytest.raises(DatabaseError, match="no such table"):
        await Standby(epochs, SILENCE, follow=follow, clock=Clock()).turn(asyncio.Event())


async def test_a_standby_that_is_stopped_has_no_turn() -> None:
    stop = asyncio.Event()
    epochs: Any = MemoryEpochs(other(), stop.set)

    assert await Standby(epochs, SILENCE, clock=Clock()).turn(stop) is None
    assert epochs.written == []


async def test_a_command_is_refused_by_a_sign_of_life() -> None:
    beats = iter(range(9))

    def looked() -> None:
        epochs.now = other(next(beats))

    epochs: Any = MemoryEpochs(None, looked)

    with pytest.raises(ExpectedError, match="warehouse other loads into this ClickHouse server"):
        await Standby(epochs, SILENCE, clock=Clock()).turn_now()


async def test_a_turn_that_ends_is_released_after_the_last_sign_of_life() -> None:
    """A sign of life that is still on its way would take the release back."""
    epochs: Any = MemoryEpochs(None)
    turns = Standby(epochs, SILENCE, clock=Clock())
    await turns.turn(asyncio.Event())
    epochs.may_beat.clear()

    async def work() -> None:
        await asyncio.to_thread(epochs.beating.wait, 20)
        asyncio.get_running_loop().call_later(0.1, epochs.may_beat.set)

    await turns.hold(work())

    assert [epoch.is_released for epoch in epochs.written] == [False, False, True]


async def test_a_turn_that_fails_is_released_too() -> None:
    epochs: Any = MemoryEpochs(None)
    turns = Standby(epochs, SILENCE, clock=Clock())
    await turns.turn(asyncio.Event())

    async def work() -> None:
        raise RuntimeError("no broker")

    with pytest.raises(RuntimeError, match="no broker"):
        await turns.hold(work())
    assert epochs.now.is_released


@pytest.mark.parametrize("by", ["a look", "an insert", "a claim"])
async def test_who_is_overtaken_ends_and_says_so(by: str) -> None:
    epochs: Any = MemoryEpochs(None)
    turns = Standby(epochs, SILENCE, clock=Clock())
    await turns.turn(asyncio.Event())
    epochs.is_overtaken = by == "a look"

    async def work() -> None:
        if by == "an insert":
            raise DatabaseError("Constraint `from_epoch_8` for table events is violated")
        if by == "a claim":
            epochs.is_overtaken = True
            raise ClaimedByAnotherError("another warehouse loads, too")
        await asyncio.Event().wait()

    with pytest.raises(ExpectedError, match="has taken over"):
        await turns.hold(work())

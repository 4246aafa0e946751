"""Fulfilment that is killed after a chosen step that lasts.

Kafka, the receiver and the threads are in memory; the journal is the real one, and a killed
process loses everything but these. Whatever happens between two steps that last is lost alike, so
it is enough to be killed right after each: one run for each step, until no step is left.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from reftrail.contracts.codec import decode_as
from reftrail.contracts.decisions import DeadLettered, RewardGranted, RewardWithdrawn
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.fulfilment.answers import Answer, Deferred, Delivered, OrderRefused
from reftrail.fulfilment.code_pool import CodePool
from reftrail.fulfilment.database import Database
from reftrail.fulfilment.fulfilment import Fulfilment
from reftrail.fulfilment.journal import Begun, Journal, Unreported
from reftrail.fulfilment.log import FoundOrders, Owner
from reftrail.fulfilment.metrics import FulfilmentMetrics
from reftrail.fulfilment.workers import FulfilmentWorkers
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.hosting.schedule import Schedule
from reftrail.testing import withdrawn
from support.fulfilment import an_order
from support.fulfilment_invariants import wrongs

ORDERS = [
    an_order(1, "credit"),
    an_order(2, "credit"),
    an_order(3, "code"),
    an_order(4, "code"),
    an_order(5, "cash"),
]
GONE = an_order(6, "credit")
"""An order that was withdrawn, which the next poll says."""
FORGETS, REFUSES = ORDERS[1].reward_id, ORDERS[4].reward_id


def withdrawal(order: RewardGranted) -> RewardWithdrawn:
    record = withdrawn(order.role, order.code, user_id=order.user_id).record()
    assert isinstance(record, RewardWithdrawn)
    return msgspec.structs.replace(record, reward_id=order.reward_id)


LOG = [*ORDERS, GONE, None]
"""The records of the log; the last one is the withdrawal."""


class Killed(BaseException):
    """Kill -9."""


@dataclass
class Steps:
    """Counts what lasts, and kills right after the given one."""

    kill_at: int
    taken: int = 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.kill_at:
            raise Killed


@dataclass
class World:
    """The world that outlives a process: the log, the receiver's deliveries, the clock."""

    steps: Steps
    reports: list[FulfilmentReported] = field(default_factory=list)
    letters: list[DeadLettered] = field(default_factory=list)
    position: int = 0
    done: Counter[str] = field(default_factory=Counter)
    now: int = 0


@dataclass
class MemoryLog:
    world: World
    identity: str = "in memory"
    partitions: int = 1
    read: int = 0
    owner: Owner | None = None

    def __post_init__(self) -> None:
        self.read = self.world.position

    def join(self, owner: Owner) -> None:
        self.owner = owner

    def reports(
        self, positions: Mapping[int, int]
    ) -> Iterator[tuple[list[FulfilmentReported], dict[int, int]]]:
        yield self.world.reports[positions.get(0, 0) :], {0: len(self.world.reports)}

    def poll(self, timeout_ms: int) -> FoundOrders:
        """First the orders, then in a poll of its own that the last one is withdrawn."""
        if self.owner is not None:
            self.owner.gained({0: self.world.position})
            self.owner = None
        if self.read == len(LOG) - 1:
            self.read = len(LOG)
            return FoundOrders([], [], [(withdrawal(GONE), LogPosition(0, len(LOG) - 1))])
        found = LOG[self.read : -1]
        first, self.read = self.read, max(self.read, len(LOG) - 1)
        orders = [grant for grant in found if grant is not None]
        return FoundOrders(
            [(order, LogPosition(0, first + n)) for n, order in enumerate(orders)], []
        )

    def positions(self) -> dict[int, int]:
        return {0: self.read}

    def ends(self) -> dict[int, int]:
        return {0: len(LOG)}

    def write_reports(
        self,
        unreported: Sequence[Unreported],
        letters: Sequence[DeadLettered],
        positions: Mapping[int, int],
    ) -> dict[int, int]:
        values = [outcome.report for outcome in unreported if outcome.report is not None]
        self.world.reports += [decode_as(FulfilmentReported, value) for value in values]
        self.world.letters += [
            decode_as(DeadLettered, outcome.letter) for outcome in unreported if outcome.letter
        ]
        self.world.position = positions[0]
        self.world.steps.step()
        return {0: len(self.world.reports)}


class SteppedJournal(Journal):
    def __init__(self, database: Database, steps: Steps) -> None:
        super().__init__(database)
        for name in (
            "resume",
            "take",
            "withdraw",
            "pass_by",
            "begin",
            "record",
            "note_reported",
            "read",
        ):
            setattr(self, name, stepped(getattr(self, name), steps))


def stepped(method: Callable[..., Any], steps: Steps) -> Callable[..., Any]:
    """A method that is a step, unless it says that it has changed nothing."""

    def call(*given: Any) -> Any:
        answer = method(*given)
        if answer not in (0, Begun([], [], [])):
            steps.step()
        return answer

    return call


@dataclass
class Receiver:
    """Honours keys. Answers FORGETS with an error once it is done, and refuses REFUSES."""

    world: World
    asked: Counter[str] = field(default_factory=Counter)

    def fulfil(self, order: RewardGranted) -> Answer:
        key = order.reward_id
        if key == REFUSES:
            return OrderRefused("no")
        is_first = not self.world.done[key]
        self.world.done[key] = 1
        self.world.steps.step()
        return Deferred("?", in_doubt=True) if key == FORGETS and is_first else Delivered(key)


@dataclass
class Stepped:
    """A pool in the journal's file: what it hands out lasts as well."""

    pool: CodePool
    steps: Steps

    def fulfil(self, order: RewardGranted) -> Answer:
        answer = self.pool.fulfil(order)
        self.steps.step()
        return answer


class Inline(Executor):
    """Does at once what it is given."""

    def submit(self, do: Callable[..., Any], /, *given: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(do(*given, **named))
        return future


@dataclass(frozen=True)
class Setup:
    """A way to make the process under test."""

    fulfilment: type[Fulfilment] = Fulfilment
    receiver: Callable[[World], Any] = Receiver


def live(world: World, directory: Path, setup: Setup) -> None:
    """One process, until everything is settled, or it is killed."""
    stop, steps = Event(), world.steps

    def clock() -> int:
        world.now += 400  # so that whatever is put off is soon due
        is_done = world.position == len(LOG) and len(world.reports) == len(ORDERS)
        if is_done or world.now > 20_000:
            stop.set()
        return world.now

    @contextmanager
    def connect() -> Iterator[MemoryLog]:
        yield MemoryLog(world)

    database = Database.open(directory / "journal.sqlite")
    codes = directory / "codes"
    codes.write_text("A\nB\nC\nD\n")
    pool, receiver, metrics = CodePool(database, codes), setup.receiver(world), FulfilmentMetrics()
    workers = {"credit": receiver, "cash": receiver, "code": Stepped(pool, steps)}
    try:
        pool.load()
        setup.fulfilment(
            connect,
            SteppedJournal(database, steps),
            FulfilmentWorkers(workers, metrics, 8, lambda _: Inline()),
            Schedule(first=0.1, most=0.2),
            metrics,
            clock,
        ).run(stop)
    finally:
        database.close()


def wrong_after(kill_at: int, directory: Path, setup: Setup) -> tuple[list[str], bool]:
    """The faults after a kill and another life, and whether it came to the kill at all."""
    directory.mkdir()
    world = World(Steps(kill_at))
    try:
        live(world, directory, setup)
    except Killed:
        world.steps = replace(world.steps, kill_at=-1)
        world.now = 0
        live(world, directory, setup)
        return judged(world), True
    return judged(world), False


def judged(world: World) -> list[str]:
    found = wrongs(ORDERS, world.done, world.reports, len(LOG) - world.position)
    if [letter.detail for letter in world.letters] != ["no"]:
        found.append(f"{len(world.letters)} dead letters")
    return found


def wrongs_by_step(directory: Path, setup: Setup) -> Iterator[tuple[int, list[str]]]:
    """The faults by the step at which it was killed, at last 0 for the run that wasn't."""
    for kill_at in range(1, 1_000):
        wrong, was_killed = wrong_after(kill_at, directory / str(kill_at), setup)
        if not was_killed:
            yield 0, wrong
            return
        yield kill_at, wrong
    raise AssertionError("it never ends")

"""What a stage is: a decider, what it reads, writes and keeps. Data for the hosts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import msgspec

from reftrail.contracts.codec import Undecodable
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.topic import Topic
from reftrail.rules.decider import Cause, Decider

MOST_WOKEN: Final = 10_000
"""How many keys one tick wakes; the others wait for the next, so that no batch takes too long."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One part of the state that a record's decision needs: kept under key_of(record).

    state is the type of the part, made without arguments where nothing is kept yet.
    """

    key_of: Callable[[Any], str]
    state: type[msgspec.Struct]


@dataclass(frozen=True, slots=True)
class CellFamily:
    """The cells of a stage whose decisions read as many of them as they need, by key.

    The decider's state is then `rules.cells.Cells`. kind_of gives the type of the cell under a key,
    key_of the part of the record's key that decides on its partition. grouped: decisions list the
    cells of a group (`Cells.under`), which hosts therefore keep together.
    """

    key_of: Callable[[Any], str]
    kind_of: Callable[[str], type[msgspec.Struct]]
    grouped: bool = False


class UnknownStateError(RuntimeError):
    """A stage's changelog has a state that another version of reftrail wrote."""

    def __init__(self, key: str, kind: type) -> None:
        super().__init__(
            f"the state under {key!r} is no {kind.__name__}: another version of reftrail wrote it. "
            f"Run that version, or rebuild the installation: stop its workers, delete the topics "
            f"that they write, changelogs included, and their group's offsets, and start anew"
        )


def _any_key(key: str) -> bool:  # noqa: ARG001
    return True


def tick_time(record: Record, appended_at: Millis) -> Millis | None:  # noqa: ARG001
    """The time of a tick; None of other records."""
    return record.event_time if isinstance(record, Ticked) else None


@dataclass(frozen=True, slots=True)
class Waking:
    """How time reaches the keys of a stage, whose states may wait for it.

    They are those of the last cell, or the cells of a family that owns says.

    time_of says what time it is by a record and the broker's timestamp of its message, None if it
    doesn't tell. Ticks do nothing else; other records are decided on after the keys that they wake.

    due_at says when a state wants to be woken, None if it doesn't. The decider is then asked with
    what woken makes of the key, the tick and its place in the log; it must conclude something that
    moves the state's time, or it is asked again with every tick. owns tells the last cell's keys
    from those of the others; most is how many of them one tick wakes.
    """

    due_at: Callable[[Any], Millis | None]
    woken: Callable[[str, Any, Cause], Record]
    owns: Callable[[str], bool] = _any_key
    most: int = MOST_WOKEN
    time_of: Callable[[Record, Millis], Millis | None] = tick_time


class Codes(Enum):
    """Which codes a stage looks up: none, those that lead to the same partition as its input, any.

    Any means that each worker has all of them in memory.
    """

    NONE = auto()
    OWN = auto()
    ANY = auto()


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the topology.

    takes are the types of records that it decides on, where its topic carries several; others are
    dead letters. A decider's state is the one cell's value, or a tuple of the cells' values where
    there are several or none; or `Cells`, where it has a family of them. writes says to which
    topics each type of conclusion goes, in that order, but to one in only if that says so of the
    conclusion; what is `Refused` goes to the dead letters. The state is kept in changelog, which a
    stage without cells doesn't have.

    A stage with waking is not asked about a tick itself, but once for each key whose time has come
    by then, in the order of these times and of the keys where they are equal.
    """

    name: str
    reads: Topic
    decider: Decider[Any]
    cells: tuple[Cell, ...]
    writes: Mapping[type[Record], tuple[Topic, ...]]
    changelog: Topic | None
    only: Mapping[Topic, Callable[[Any], bool]] = field(default_factory=dict)
    takes: tuple[type[Record], ...] = ()
    waking: Waking | None = None
    looks_up_codes: Codes = Codes.NONE
    family: CellFamily | None = None

    @property
    def kinds(self) -> tuple[type[Record], ...]:
        """The types of records that it takes."""
        return self.takes or ((self.reads.record,) if self.reads.record else ())

    def checked(self, record: Record) -> Record:
        """The record, if the stage takes its like. Raises `Undecodable`."""
        if not isinstance(record, self.kinds):
            expected = " or ".join(kind.__name__ for kind in self.kinds)
            raise Undecodable(f"expected {expected}, found {type(record).__name__}")
        return record

    def topics_for(self, conclusion: Record) -> tuple[Topic, ...]:
        """Where a conclusion goes."""
        topics = self.writes[type(conclusion)]
        if not self.only:
            return topics
        return tuple(
            topic for topic in topics if topic not in self.only or self.only[topic](conclusion)
        )

"""Stages as data for the hosts: a decider, and what it reads, writes and keeps.

Data for the hosts.
"""

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

MOST_FIRED: Final = 10_000
"""The number of timers that one tick fires; the others wait, so that no batch takes too long."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One part of the state that a record's decision needs: kept under key_of(record).

    state is the type of the part, made without arguments where nothing is kept yet. empty is that
    value, where the rules have one of their own and know it by its identity.
    """

    key_of: Callable[[Any], str]
    state: type[msgspec.Struct]
    empty: msgspec.Struct | None = None


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


def any_key(key: str) -> bool:  # noqa: ARG001
    """True: every key of the last cell has a timer."""
    return True


def tick_time(record: Record, appended_at: Millis) -> Millis | None:  # noqa: ARG001
    """The time of a tick; None of other records."""
    return record.event_time if type(record) is Ticked else None


@dataclass(frozen=True, slots=True)
class TimerSpec:
    """The timers of a stage: which keys have one, and for what time.

    The keys are those of the last cell, or the cells of a family for which owns is true.

    time_of says what time it is by a record and the broker's timestamp of its message, None if it
    doesn't tell. Ticks do nothing else; other records are decided on after the timers that they
    fire.

    due_at gives the time of a state's timer, None if it has none. The decider is then given the
    record that fired makes of the key, the tick and its position in the log; it must return an
    event that moves the state's time, or the timer fires again with every tick. owns tells the
    last cell's keys from those of the others; most is how many timers one tick fires.
    """

    due_at: Callable[[Any], Millis | None]
    fired: Callable[[str, Any, Cause], Record]
    owns: Callable[[str], bool] = any_key
    most: int = MOST_FIRED
    time_of: Callable[[Record, Millis], Millis | None] = tick_time


class Codes(Enum):
    """The codes that a stage looks up: none, those that lead to its input's partition, or any.

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
    topics each type of event goes, in that order, but to one in only if that says so of the event;
    what is `Refused` goes to the dead letters. The state is kept in changelog, which a stage
    without cells doesn't have.

    A stage with timers is not asked about a tick itself, but once for each key whose timer is due
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
    timers: TimerSpec | None = None
    looks_up_codes: Codes = Codes.NONE
    family: CellFamily | None = None

    @property
    def kinds(self) -> tuple[type[Record], ...]:
        """The types of records that it takes."""
        return self.takes or ((self.reads.record,) if self.reads.record else ())

    def checked(self, record: Record) -> Record:
        """The record, if the stage takes its like. Raises `Undecodable`."""
        if not isinstance(record, self.kinds):
            raise self.unexpected(record)
        return record

    def unexpected(self, record: Record) -> Undecodable:
        """The error about a record of a type that the stage doesn't take."""
        expected = " or ".join(kind.__name__ for kind in self.kinds)
        return Undecodable(f"expected {expected}, found {type(record).__name__}")

    def topics_for(self, event: Record) -> tuple[Topic, ...]:
        """The topics of an event."""
        topics = self.writes[type(event)]
        if not topics or not self.only:
            return topics
        return tuple(topic for topic in topics if topic not in self.only or self.only[topic](event))

"""What a stage is: a decider, what it reads, writes and keeps. Data for the hosts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from reftrail.contracts.codec import Undecodable
from reftrail.contracts.record import Record
from reftrail.contracts.topics import Topic
from reftrail.rules.decider import Decider


@dataclass(frozen=True, slots=True)
class Cell:
    """One part of the state that a record's decision needs: kept under key_of(record).

    state is the type of the part, made without arguments where nothing is kept yet.
    """

    key_of: Callable[[Any], str]
    state: type[msgspec.Struct]


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the topology.

    takes are the types of records that it decides on, where its topic carries several; others are
    dead letters. A decider's state is the one cell's value, or a tuple of the cells' values where
    there are several or none. writes says to which topics each type of conclusion goes, in that
    order; the state is kept in changelog, which a stage without cells doesn't have.
    """

    name: str
    reads: Topic
    decider: Decider[Any]
    cells: tuple[Cell, ...]
    writes: Mapping[type[Record], tuple[Topic, ...]]
    changelog: Topic | None
    takes: tuple[type[Record], ...] = ()
    looks_up_codes: bool = False

    @property
    def kinds(self) -> tuple[type[Record], ...]:
        """The types of records that it decides on."""
        return self.takes or ((self.reads.record,) if self.reads.record else ())

    def checked(self, record: Record) -> Record:
        """The record, if the stage decides on its like. Raises `Undecodable`."""
        if not isinstance(record, self.kinds):
            expected = " or ".join(kind.__name__ for kind in self.kinds)
            raise Undecodable(f"expected {expected}, found {type(record).__name__}")
        return record

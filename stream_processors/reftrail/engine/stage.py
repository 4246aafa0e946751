"""What a stage is: a decider, what it reads, writes and keeps. Data for the hosts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

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

    A decider's state is the one cell's value, or a tuple of the cells' values where there are
    several. writes says to which topics each type of conclusion goes, in that order; the state
    is kept in changelog.
    """

    name: str
    reads: Topic
    decider: Decider[Any]
    cells: tuple[Cell, ...]
    writes: Mapping[type[Record], tuple[Topic, ...]]
    changelog: Topic
    looks_up_codes: bool = False

"""A story about one stage: what was the case, what comes, what follows from it.

    (
        given(touched("AMY", at="10:05"))
        .when(click("BOB", at="10:00"))
        .then(touched("BOB", at="10:00"))
    )

What is given is either what a stage reads (it is decided on, and what follows is taken in) or
what it derives (it is taken in as it is). Codes, campaigns and list entries may be anywhere
among it. A tick fires the timers that are due.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from reftrail.contracts.external_inputs import Listed, Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Refused
from reftrail.testing.outlines import Outline


@dataclass
class Scenario:
    """A stage's state so far, and what the last `when` led to."""

    reference: ReferenceTables = field(default_factory=ReferenceTables)
    states: dict[str, Any] = field(default_factory=dict)
    followed: list[Record] = field(default_factory=list)
    offset: int = 0

    def given(self, *records: Record | Outline) -> Self:
        """The records that came before. What follows from it isn't looked at."""
        for record in records:
            self._take(_record(record))
        return self

    def when(self, *records: Record | Outline) -> Self:
        """The record that comes now."""
        self.followed = []
        for record in records:
            self.followed += self._take(_record(record))
        return self

    def then(self, *expected: Outline) -> Self:
        """Exactly this goes to topics, in this order. Raises AssertionError with the difference."""
        described = len(expected) == len(self.followed) and all(
            outline.describes(record)
            for outline, record in zip(expected, self.followed, strict=True)
        )
        if not described:
            raise AssertionError(_difference(expected, self.followed))
        return self

    def then_nothing(self) -> Self:
        """Nothing goes to any topic."""
        return self.then()

    def _take(self, record: Record) -> list[Record]:
        if isinstance(record, CodeChanged | CampaignDefined | Listed):
            self.reference.apply(record)
            return []
        if isinstance(record, Ticked):
            return self._wake(record)
        for stage in TOPOLOGY:
            if (stage.cells or stage.family) and isinstance(record, stage.kinds):
                return self._decide(stage, record)
        source = next(stage for stage in TOPOLOGY if type(record) in stage.writes)
        self._evolve(source, self._keys(source, record), record)
        return []

    def _wake(self, tick: Ticked) -> list[Record]:
        """Every key whose time has come, in the order of time."""
        due = sorted(
            (time, nth, name)
            for nth, stage in enumerate(TOPOLOGY)
            for name, state in self.states.items()
            if stage.timers and name.startswith(f"{stage.name}/")
            if stage.timers.owns(name.removeprefix(f"{stage.name}/"))
            if stage.family or isinstance(state, stage.cells[-1].state)
            if (time := stage.timers.due_at(state)) is not None and time <= tick.event_time
        )
        followed = []
        for _, nth, name in due:
            stage = TOPOLOGY[nth]
            assert stage.timers is not None
            key = name.removeprefix(f"{stage.name}/")
            fired = stage.timers.fired(key, tick, Cause(stage.reads.name, 0, self.offset))
            followed += self._decide(stage, fired)
        return followed

    def _decide(self, stage: Stage, record: Record) -> list[Record]:
        keys = self._keys(stage, record)
        cause = Cause(stage.reads.name, 0, self.offset)
        self.offset += 1
        state = self._state(stage, keys)
        events = stage.decider.decide(state, record, cause, self.reference)
        for event in events:
            if not isinstance(event, Refused):
                self._evolve(stage, keys, event)
        return [event for event in events if stage.writes[type(event)]]

    def _evolve(self, stage: Stage, keys: tuple[str, ...], event: Record) -> None:
        state = stage.decider.evolve(self._state(stage, keys), event)
        if stage.family is not None:
            self.states |= {f"{stage.name}/{key}": cell for key, cell in state.changed.items()}
            return
        values = state if len(keys) > 1 else (state,)
        self.states |= zip(keys, values, strict=True)

    def _state(self, stage: Stage, keys: tuple[str, ...]) -> Any:
        if stage.family is not None:
            kind_of = stage.family.kind_of
            return Cells(
                lambda key: self.states.get(f"{stage.name}/{key}", kind_of(key)()),
                lambda group: self._keys_under(stage, group),
            )
        values = tuple(
            self.states.get(key, cell.state()) for key, cell in zip(keys, stage.cells, strict=True)
        )
        return values if len(values) > 1 else values[0]

    def _keys_under(self, stage: Stage, group: str) -> list[str]:
        begin = f"{stage.name}/"
        return [
            key.removeprefix(begin) for key in self.states if key.startswith(f"{begin}{group}:")
        ]

    def _keys(self, stage: Stage, record: Any) -> tuple[str, ...]:
        """The keys that a record of the stage concerns: its events have them as its input."""
        return tuple(f"{stage.name}/{cell.key_of(record)}" for cell in stage.cells)


def given(*records: Record | Outline) -> Scenario:
    """Begin a story."""
    return Scenario().given(*records)


def _record(record: Record | Outline) -> Record:
    return record.record() if isinstance(record, Outline) else record


def _difference(expected: Sequence[Outline], followed: Sequence[Record]) -> str:
    lines = [
        "expected:",
        *(f"  {outline.kind.__name__} {outline.overrides}" for outline in expected),
        "followed:",
        *(f"  {record}" for record in followed),
    ]
    for nth, (outline, record) in enumerate(zip(expected, followed, strict=False), start=1):
        lines += [
            f"the {nth}. has {name}={getattr(record, name)!r}, not {value!r}"
            for name, value in outline.overrides.items()
            if getattr(record, name, None) != value
        ]
    return "\n".join(lines)

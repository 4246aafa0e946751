"""A story about one stage: what was the case, what comes, what follows from it.

    (
        given(touched("AMY", at="10:05"))
        .when(click("BOB", at="10:00"))
        .then(touched("BOB", at="10:00"))
    )

What is given is either what a stage reads (it is decided on, and what follows is taken in) or
what it concludes (it is taken in as it is). Codes, campaigns and list entries may stand anywhere
among it. A tick wakes whoever is due.
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

    def given(self, *told: Record | Outline) -> Self:
        """What was the case before. What follows from it isn't looked at."""
        for one in told:
            self._take(_record(one))
        return self

    def when(self, *told: Record | Outline) -> Self:
        """What comes now."""
        self.followed = []
        for one in told:
            self.followed += self._take(_record(one))
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
        concludes = next(stage for stage in TOPOLOGY if type(record) in stage.writes)
        self._evolve(concludes, self._keys(concludes, record), record)
        return []

    def _wake(self, tick: Ticked) -> list[Record]:
        """Every key whose time has come, in the order of time."""
        due = sorted(
            (time, nth, name)
            for nth, stage in enumerate(TOPOLOGY)
            for name, state in self.states.items()
            if stage.waking and name.startswith(f"{stage.name}/")
            if stage.waking.owns(name.removeprefix(f"{stage.name}/"))
            if stage.family or isinstance(state, stage.cells[-1].state)
            if (time := stage.waking.due_at(state)) is not None and time <= tick.event_time
        )
        followed = []
        for _, nth, name in due:
            stage = TOPOLOGY[nth]
            assert stage.waking is not None
            key = name.removeprefix(f"{stage.name}/")
            woken = stage.waking.woken(key, tick, Cause(stage.reads.name, 0, self.offset))
            followed += self._decide(stage, woken)
        return followed

    def _decide(self, stage: Stage, record: Record) -> list[Record]:
        keys = self._keys(stage, record)
        cause = Cause(stage.reads.name, 0, self.offset)
        self.offset += 1
        state = self._state(stage, keys)
        conclusions = stage.decider.decide(state, record, cause, self.reference)
        for conclusion in conclusions:
            if not isinstance(conclusion, Refused):
                self._evolve(stage, keys, conclusion)
        return [conclusion for conclusion in conclusions if stage.writes[type(conclusion)]]

    def _evolve(self, stage: Stage, keys: tuple[str, ...], conclusion: Record) -> None:
        state = stage.decider.evolve(self._state(stage, keys), conclusion)
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
        """The keys that a record of the stage concerns: its conclusions have them as its input."""
        return tuple(f"{stage.name}/{cell.key_of(record)}" for cell in stage.cells)


def given(*told: Record | Outline) -> Scenario:
    """Begin a story."""
    return Scenario().given(*told)


def _record(told: Record | Outline) -> Record:
    return told.record() if isinstance(told, Outline) else told


def _difference(expected: Sequence[Outline], followed: Sequence[Record]) -> str:
    lines = [
        "expected:",
        *(f"  {outline.kind.__name__} {outline.told}" for outline in expected),
        "followed:",
        *(f"  {record}" for record in followed),
    ]
    for nth, (outline, record) in enumerate(zip(expected, followed, strict=False), start=1):
        lines += [
            f"the {nth}. has {name}={getattr(record, name)!r}, not {value!r}"
            for name, value in outline.told.items()
            if getattr(record, name, None) != value
        ]
    return "\n".join(lines)

"""State of one stage and partition in the memory host, as one batch sees and changes it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Millis, Record
from reftrail.engine.dead_letters import fitting
from reftrail.engine.stage import Stage, TimerSpec
from reftrail.rules.cells import Cells, group_of
from reftrail.rules.decider import Cause

Groups: TypeAlias = defaultdict[str, set[str]]
"""The keys of cells that are grouped, by their group."""

Silenced: TypeAlias = dict[str, Millis | None]
"""Keys whose timers fired in vain, with the times of these timers."""


class FiredUntil:
    """The time up to which no timer is due: all of them have fired."""

    def __init__(self) -> None:
        self.until: Millis = -1


class States:
    """The states that a batch has touched, over those packed before it."""

    def __init__(
        self,
        stage: Stage,
        packed: dict[str, bytes],
        groups: Groups,
        silenced: Silenced,
        fired: FiredUntil,
    ) -> None:
        self._fired = fired
        self._stage = stage
        self._groups = groups
        self._silenced = silenced
        self._cells = stage.cells
        self._packed = packed
        self._values: dict[str, Any] = {}
        self._kept: dict[str, bytes] = {}

    def asked(
        self, record: Record, cause: Cause, appended_at: Millis
    ) -> list[tuple[str | None, Record]]:
        """Timers that fire by its time, each with its key; and the record. Looks at every key."""
        timers = self._stage.timers
        until = None if timers is None else timers.time_of(record, appended_at)
        if timers is None or until is None:
            return [(None, record)]
        if isinstance(record, Ticked):
            return self._timers_fired(timers, until, record, cause)
        if until <= self._fired.until:
            return [(None, record)]
        found = self._timers_fired(timers, until, record, cause)
        if len(found) < timers.most:
            self._fired.until = until
        return [*found, (None, record)]

    def _timers_fired(
        self, timers: TimerSpec, until: Millis, record: Record, cause: Cause
    ) -> list[tuple[str | None, Record]]:
        due = [
            (at, key)
            for key in {*self._packed, *self._values}
            if timers.owns(key)
            and (at := self.due_at(key)) is not None
            and at <= until
            and self._silenced.get(key) != at
        ]
        return [(key, timers.fired(key, record, cause)) for _, key in sorted(due)[: timers.most]]

    def due_at(self, key: str) -> Millis | None:
        """The time of a key's timer."""
        assert self._stage.timers is not None
        return self._stage.timers.due_at(self._value(key, self._kind(key)))

    def of(self, record: Record) -> Any:
        """The state that a record is decided on."""
        if self._stage.family is not None:
            return Cells(lambda key: self._value(key, self._kind(key)), self._under)
        values = tuple(self._value(cell.key_of(record), cell.state) for cell in self._cells)
        return values[0] if len(values) == 1 else values

    def keep(self, record: Record, state: Any) -> None:
        """Take a state over, if it can be packed."""
        if self._stage.family is not None:
            kept = dict(state.changed)
        else:
            values = (state,) if len(self._cells) == 1 else state
            keys = (cell.key_of(record) for cell in self._cells)
            kept = dict(zip(keys, values, strict=True))
        packed = {key: msgspec.msgpack.encode(value) for key, value in kept.items()}
        for key, value in packed.items():
            fitting(key.encode(), value)
        self._values |= kept
        self._end_silence(kept)
        if self._fired.until >= 0:
            self._ask_again(kept)
        self._kept |= packed
        if self._stage.family is not None and self._stage.family.grouped:
            for key in kept:
                self._groups[group_of(key)].add(key)

    def _end_silence(self, keys: Iterable[str]) -> None:
        """Let timers fire again whose times have changed, even if they change back."""
        for key in self._silenced.keys() & keys:
            if self.due_at(key) != self._silenced[key]:
                del self._silenced[key]

    def _ask_again(self, keys: Iterable[str]) -> None:
        """Have a time that was asked about be asked about again, for keys that wait for it."""
        timers = self._stage.timers
        assert timers is not None
        for key in keys:
            if timers.owns(key) and (time := self.due_at(key)) is not None:
                self._fired.until = min(self._fired.until, time - 1)

    def store(self) -> None:
        """Store what the batch has changed; what is empty is not kept."""
        for key, packed in self._kept.items():
            value = self._values[key]
            if value == type(value)():
                self._packed.pop(key, None)
                if group_of(key) in self._groups:
                    self._groups[group_of(key)].discard(key)
            else:
                self._packed[key] = packed

    def _under(self, group: str) -> set[str]:
        return self._groups[group] - {group}

    def _kind(self, key: str) -> type[msgspec.Struct]:
        family = self._stage.family
        return self._cells[-1].state if family is None else family.kind_of(key)

    def _value(self, key: str, kind: type[msgspec.Struct]) -> Any:
        if key in self._values:
            return self._values[key]
        return (
            msgspec.msgpack.decode(self._packed[key], type=kind) if key in self._packed else kind()
        )

"""Messages of a batch that may change something, told from their columns and packed states."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from reftrail.contracts.record import DAY, HOUR, Millis
from reftrail.engine.event_columns import EventColumns
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.store import StatesByKey
from reftrail.rules.touch.state import LATE, NEVER, TouchState

_Times: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Messages that may matter, by row. free are those that a touch of the batch doesn't hold.

    forgets_until is the latest time by which visitors may be forgotten in the batch.
    """

    rows: list[int]
    visitors: list[str]
    times: list[Millis]
    free: list[bool]
    forgets_until: Millis

    def parts(self, most: int) -> Iterator["Candidates"]:
        """So many at a time, in order."""
        for begin in range(0, len(self.rows), most):
            at = slice(begin, begin + most)
            columns = self.rows[at], self.visitors[at], self.times[at], self.free[at]
            yield Candidates(*columns, self.forgets_until)

    def not_held(self, changed: Mapping[str, TouchState]) -> list[int]:
        """The rows that no touch holds of the states that the batch has changed by now."""
        columns = zip(self.rows, self.visitors, self.times, self.free, strict=True)
        return [
            row
            for row, visitor, time, is_free in columns
            if is_free or not self._is_held(changed.get(visitor), time)
        ]

    def _is_held(self, state: TouchState | None, time: Millis) -> bool:
        """Whether a state's touch holds at a time, and to the end of the batch."""
        return (
            state is not None
            and state.touch_time < time <= state.expires_at
            and self.forgets_until <= state.expires_at + LATE
        )


def candidates_of(
    events: EventColumns,
    packed: StatesByKey,
    reference: ReferenceTables,
    timestamps: Sequence[Millis],
) -> Candidates:
    """The rows that convert, or touch a visitor whom no earlier touch holds.

    free are those that a touch of this batch doesn't hold either: they convert, or their visitor
    may be forgotten in it.

    A touch holds no more once the visitor may have been forgotten in this batch: by the time that
    its records tell (see `TimerSpec.time_of` of the stage), or by an event of the visitor that was
    received so late.

    A message that tells a later hour than those before it is free, too, whatever it is: visitors
    may be forgotten by it.
    """
    appended = np.fromiter(timestamps, np.int64, len(timestamps))
    tells = _later_hours(events.received, appended)
    is_free = events.converts | tells
    rows = np.flatnonzero(is_free | events.touches(reference))
    visitors = events.visitors(rows)
    touch_time, expires_at = _holds(list(map(packed.get, visitors)))
    time, received = events.times[rows], events.received[rows]
    latest = int(events.received.max())
    forgets_until = min(int(appended.max(initial=0)), latest) - DAY
    may_end = (expires_at != NEVER) & (np.maximum(received, forgets_until) > expires_at + LATE)
    free = is_free[rows]
    if ending := {visitors[nth] for nth in np.flatnonzero(may_end).tolist()}:
        free |= np.fromiter((visitor in ending for visitor in visitors), np.bool_, len(visitors))
    left = np.flatnonzero(free | (touch_time >= time) | (time > expires_at))
    return Candidates(
        rows[left].tolist(),
        [visitors[nth] for nth in left.tolist()],
        time[left].tolist(),
        free[left].tolist(),
        latest,
    )


def _later_hours(received: _Times, appended: _Times) -> npt.NDArray[np.bool_]:
    """Whether each message tells a later hour than all before it, as the stage's timers hear it."""
    told = np.minimum(received, appended) if len(appended) else received
    hours = np.maximum.accumulate(told // HOUR)
    return np.diff(hours, prepend=NEVER) > 0


class _Hold(msgspec.Struct, frozen=True, array_like=True):
    """The beginning of a packed `TouchState`: from when to when the visitor's touch holds."""

    touch_time: int = -1
    expires_at: int = -1


# A packed `TouchState` with a touch begins with an array's length and two numbers of eight bytes:
# https://github.com/msgpack/msgpack/blob/master/spec.md
_HEAD: Final = np.dtype([("a", ">u4"), ("touch_time", ">i8"), ("b", "u1"), ("expires_at", ">i8")])
_ARRAY: Final = 0xDC << 24 | len(TouchState.__struct_fields__) << 8
_NUMBER: Final = 0xCF
_NO_HEAD: Final = Struct(">IqBq").pack(_ARRAY | _NUMBER, NEVER, _NUMBER, NEVER)
_hold_of = msgspec.msgpack.Decoder(_Hold).decode


def _holds(states: Sequence[bytes | None]) -> tuple[_Times, _Times]:
    """The first two fields of packed `TouchState`s; `NEVER` where there is none."""
    heads = [_NO_HEAD if state is None else state[: _HEAD.itemsize] for state in states]
    whole = b"".join(heads)
    if len(whole) != len(heads) * _HEAD.itemsize:
        whole = b"".join(head.ljust(_HEAD.itemsize) for head in heads)
    found = np.frombuffer(whole, _HEAD)
    touch_time, expires_at = (found[name].astype(np.int64) for name in ("touch_time", "expires_at"))
    is_other = (found["a"] != _ARRAY | _NUMBER) | (found["b"] != _NUMBER)
    for nth in np.flatnonzero(is_other):
        state = states[int(nth)]
        assert state is not None  # else the head would be that of none
        hold = _hold_of(state)
        touch_time[nth], expires_at[nth] = hold.touch_time, hold.expires_at
    return touch_time, expires_at

"""Dropping, column by column, the messages that can't change anything, before they are decoded."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias, cast

import msgspec

from reftrail.contracts.codec import Undecodable, decode
from reftrail.contracts.events import AnyEvent
from reftrail.contracts.record import Millis, Record
from reftrail.engine.event_columns import EventColumns, event_columns
from reftrail.engine.message_columns import columns_in, messages_of
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.store import StatesByKey
from reftrail.engine.touch_candidates import Candidates, candidates_of
from reftrail.rules.touch.state import TouchState

_FEWEST: Final = 64
_TOGETHER: Final = 4_000

Survivors: TypeAlias = Iterator[tuple[int, Record]]


class Prefilter(Protocol):
    """A filter in front of a stage's decider."""

    def select(
        self,
        values: Sequence[bytes | None],
        packed: StatesByKey,
        reference: ReferenceTables,
        timestamps: Sequence[Millis] = (),
        changed: Mapping[str, Any] = MappingProxyType({}),
    ) -> Survivors | None:
        """The messages that may matter, by index and decoded, in order.

        packed is the stage's state by key as it is before these messages, changed what the
        decisions on them have made of it while they are asked for. timestamps are the broker's, by
        which states are removed. Leaving a message out promises that deciding it on the state of
        before, or on any that the messages before it lead to, decides nothing. None where the batch
        can't be read as columns: then every message is to be decoded and decided. The iterator
        raises `UnselectableError` where that shows later.
        """

    def read_ahead(self, values: Sequence[bytes | None]) -> "Prefilter":
        """A prefilter for these messages alone, which has read of them what it looks at.

        For another thread than that of the decisions: most of it needs no lock of the interpreter.
        """


class UnselectableError(Exception):
    """A message that may matter can't be read with others at once."""


class TouchPrefilter:
    """Leaves out form starts, what isn't a touch, and touches while an earlier one holds.

    Fewer than fewest messages aren't worth the columns' set-up. Of those that are left, together at
    a time are decoded.
    """

    def __init__(self, fewest: int = _FEWEST, together: int = _TOGETHER) -> None:
        self._fewest = fewest
        self._together = together

    def read_ahead(self, values: Sequence[bytes | None]) -> Prefilter:
        """See `Prefilter`."""
        return _ReadAhead(self._fewest, self._together, self._columns(values))

    def _columns(self, values: Sequence[bytes | None]) -> EventColumns | None:
        return event_columns(values) if len(values) >= self._fewest else None

    def select(
        self,
        values: Sequence[bytes | None],
        packed: StatesByKey,
        reference: ReferenceTables,
        timestamps: Sequence[Millis] = (),
        changed: Mapping[str, Any] = MappingProxyType({}),
    ) -> Survivors | None:
        """See `Prefilter`."""
        events = self._columns(values)
        if events is None or not events.all_have_visitors():
            return None
        candidates = candidates_of(events, packed, reference, timestamps)
        return self._decoded(values, candidates, changed)

    def _decoded(
        self,
        values: Sequence[bytes | None],
        candidates: Candidates,
        changed: Mapping[str, TouchState],
    ) -> Survivors:
        """The candidates as records, but for those that a touch of this batch holds by now.

        A part of them is decoded once those before it are decided.
        """
        for part in candidates.parts(self._together):
            rows = part.not_held(changed)
            decoded = _decoded if len(rows) >= self._fewest else _decoded_one_by_one
            yield from zip(rows, decoded([values[row] for row in rows]), strict=True)


class _ReadAhead(TouchPrefilter):
    """The same for messages whose columns are read."""

    def __init__(self, fewest: int, together: int, columns: EventColumns | None) -> None:
        super().__init__(fewest, together)
        self._read = columns

    def _columns(self, values: Sequence[bytes | None]) -> EventColumns | None:  # noqa: ARG002
        return self._read


_events_of = msgspec.json.Decoder(list[AnyEvent]).decode


def _decoded(values: Sequence[bytes | None]) -> list[AnyEvent]:
    """Messages as records. Raises `UnselectableError` if one isn't a valid event.

    Their columns have been read before, so each is a record, but for the encoding of its texts.
    """
    messages = messages_of(values)
    frame = None if messages is None else columns_in(messages, are_records=True)
    if frame is None:
        raise UnselectableError
    # Half the time that dicts would take; absent fields have null as default.
    given = [column.name for column in frame if column.null_count() < frame.height]
    try:
        return _events_of(frame[given].write_json())
    except msgspec.ValidationError as error:
        raise UnselectableError from error


def _decoded_one_by_one(values: Sequence[bytes | None]) -> list[AnyEvent]:
    """The same for a few: columns take as long to set up as 60 messages to decode."""
    try:
        return [cast("AnyEvent", decode(value)) for value in values]
    except Undecodable as error:
        raise UnselectableError from error


PREFILTERS: Final[Mapping[str, Prefilter]] = {"touch": TouchPrefilter()}

"""The database of one partition: its state, timers and progress, written together."""

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from reftrail.engine.rocksdb.entries import unusable
from reftrail.engine.rocksdb.options import SharedMemory, library
from reftrail.engine.rocksdb.recent import RecentStates
from reftrail.engine.rocksdb.states import DiskStates
from reftrail.engine.rocksdb.timers import DiskTimers
from reftrail.engine.stage import Stage
from reftrail.engine.store import RestoredTo, StateTimers, is_grouped
from reftrail.engine.stored_timers import TimedStates
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.hosting.private_files import make_private_directory

_log = logging.getLogger(__name__)

FORMAT: Final = 1
"""The version of the layout of entries. A copy of another format is discarded."""
KEPT_SECONDS: Final = 12 * 60 * 60
"""Age after which a copy is discarded: half the time for which Kafka keeps tombstones at least
(delete.retention.ms). What was deleted before might still be in an older copy."""
_IN_USE: Final = "/LOCK: "
_STATES: Final = "states"
_TIMERS: Final = "alarms"
_HEADER: Final = b"header"


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The data beside the state."""

    format: int
    topics: str
    current_at: float
    positions: dict[str, Position] = {}
    restored_to: dict[str, int] = {}
    sizes: dict[str, int] = {}


class _UnfitError(Exception):
    """A copy can't be gone on with, for a reason."""


class DiskStore:
    """One partition's state in a directory. See `PartitionStore`.

    The write-ahead log isn't synchronized with each write: after the end of a process all is there;
    after a power cut all up to some write, with the progress of then. topics is as in the header.
    """

    def __init__(
        self,
        directory: Path,
        memory: SharedMemory,
        topics: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._memory = memory
        self._topics = topics
        self._clock = clock
        self._states: dict[str, DiskStates] = {}
        self._timers: dict[str, DiskTimers] = {}
        self._sizes: dict[str, int] = {}
        try:
            self._open()
            header = self._read_header()
        except _UnfitError as unfit:
            self._discard(str(unfit))
            header = self._new_header()
        except Exception as error:  # the library has no types for what can go wrong
            if _IN_USE in str(error):  # the copy is another's, and may be sound
                raise unusable(error) from error
            self._discard(f"it can't be opened ({error})")
            header = self._new_header()
        self._sizes = dict(header.sizes)
        self.progress = RestoredTo(
            dict(header.positions), dict(header.restored_to), header.current_at
        )

    def packed(self, stage: Stage | None) -> DiskStates:
        """See `PartitionStore`."""
        name = _name_of(stage)
        size = self._sizes.get(name, 0)
        recent = RecentStates(self._memory.recent)
        self._states[name] = states = DiskStates(
            self._family(_STATES), _prefix(name), size, recent, grouped=is_grouped(stage)
        )
        return states

    def timers(self, stage: Stage | None) -> Callable[[TimedStates], StateTimers]:
        """See `PartitionStore`."""
        return partial(self._timers_of, _name_of(stage))

    def write(self, progress: RestoredTo) -> None:
        """See `PartitionStore`."""
        rocks = library()
        batch = rocks.WriteBatch(raw_mode=True)
        states, timers = (self._db.get_column_family_handle(name) for name in (_STATES, _TIMERS))
        for stored in self._states.values():
            stored.add_to(batch, states)
        for times in self._timers.values():
            times.add_to(batch, timers)
        batch.put(_HEADER, msgspec.msgpack.encode(self._new_header(progress)))
        try:
            self._db.write(batch)
        except Exception as error:
            raise unusable(error) from error
        for changed in self._parts():
            changed.written()

    def clear(self, reason: str) -> None:
        """See `PartitionStore`."""
        self._discard(reason)
        self._states, self._timers, self._sizes = {}, {}, {}
        self.progress = RestoredTo(current_at=self._clock())

    def close(self) -> None:
        """See `PartitionStore`."""
        self._close()

    def _parts(self) -> Iterable[DiskStates | DiskTimers]:
        return (*self._states.values(), *self._timers.values())

    def _timers_of(self, name: str, states: TimedStates) -> DiskTimers:
        self._timers[name] = timers = DiskTimers(self._family(_TIMERS), _prefix(name), states)
        return timers

    def _family(self, name: str) -> Any:
        return self._families[name]

    def _open(self) -> None:
        make_private_directory(self._directory)
        options = {
            _STATES: self._memory.options(looked_up=True),
            _TIMERS: self._memory.options(looked_up=False),
        }
        self._families: Mapping[str, Any] = {}
        self._db = library().Rdict(
            str(self._directory), self._memory.options(looked_up=False), column_families=options
        )
        self._families = {name: self._db.get_column_family(name) for name in options}

    def _close(self) -> None:
        for family in self._families.values():
            family.close()
        self._families = {}
        self._db.close()

    def _read_header(self) -> _Header:
        packed = self._db.get(_HEADER)
        if packed is None:
            return self._new_header()
        try:
            header = msgspec.msgpack.decode(packed, type=_Header)
        except msgspec.ValidationError as error:
            raise _UnfitError(f"it has another format ({error})") from error
        age = self._clock() - header.current_at
        if header.format != FORMAT:
            raise _UnfitError(f"it has format {header.format}, and this version {FORMAT}")
        if header.topics != self._topics:
            raise _UnfitError("the changelogs were made anew since")
        if not 0 <= age <= KEPT_SECONDS:
            raise _UnfitError(f"it is {age / 3600:.1f} hours old")
        return header

    def _new_header(self, progress: RestoredTo | None = None) -> _Header:
        progress = progress or RestoredTo(current_at=self._clock())
        return _Header(
            format=FORMAT,
            topics=self._topics,
            current_at=progress.current_at,
            positions=progress.positions,
            restored_to=progress.restored_to,
            sizes=self._sizes | {name: len(states) for name, states in self._states.items()},
        )

    def _discard(self, reason: str) -> None:
        _log.warning(
            "the state in %s is discarded, and restored from the changelogs: %s",
            self._directory,
            reason,
        )
        if hasattr(self, "_db"):
            self._close()
        shutil.rmtree(self._directory, ignore_errors=True)
        self._open()


def _name_of(stage: Stage | None) -> str:
    return "" if stage is None else stage.name


def _prefix(name: str) -> bytes:
    return name.encode() + b"\0"

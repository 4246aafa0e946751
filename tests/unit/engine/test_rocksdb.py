"""State on disk: what is written stays, what isn't is gone, and what is unfit is discarded."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.timers import TIMERS, Rung, Timer, review

from reftrail.contracts.changelogs import REWARD_CHANGELOG
from reftrail.contracts.codec import encode
from reftrail.contracts.errors import ExpectedError
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.positions import position_message
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.rocksdb import database, options
from reftrail.engine.rocksdb.database import KEPT_SECONDS, DiskStore
from reftrail.engine.rocksdb.options import SharedMemory
from reftrail.engine.rocksdb.recent import RecentBudget, RecentStates
from reftrail.engine.rocksdb.slot import DiskStores
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.state import StateStore
from reftrail.engine.store import PartitionStore, StoreError
from reftrail.engine.topology import STAGES, TOPOLOGY
from reftrail.hosting.kafka.log_bounds import Position, RecordMark

STAGE = STAGES["attribution"]
NOW = 1_790_000_000.0


class Disk:
    """A partition's store that is closed and opened again."""

    def __init__(self, directory: Path, recent: int = 1 << 20) -> None:
        self.directory = directory
        self.memory = SharedMemory(8)
        self.memory.recent = RecentBudget(recent)
        self.now = NOW
        self.topics = "a=1"
        self.store: DiskStore | None = None

    def open(self) -> DiskStore:
        self.close()
        self.store = DiskStore(self.directory, self.memory, self.topics, lambda: self.now)
        return self.store

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
        self.store = None

    def state(self) -> PartitionState:
        return PartitionState(TOPOLOGY, self.open())


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(tmp_path / "partition-0")
    monkeypatch.setattr("reftrail.engine.partition_state.time.time", lambda: made.now)
    yield made
    made.close()


def _commit(state: PartitionState, *users: str, end: int = 7) -> None:
    changelog = STAGE.changelog
    assert changelog is not None
    state.stores["attribution"].apply(dict.fromkeys(users, b"packed"), {})
    state.committed({"attribution-inputs": _read_up_to(end)}, {changelog: end})


def _read_up_to(end: int) -> Position:
    return Position(end, RecordMark.of(end - 1, end, b"key", b"value"))


def _users(state: PartitionState) -> set[str]:
    return set(state.stores["attribution"].packed)


def test_what_is_committed_is_there_again_and_nothing_else(disk: Disk) -> None:
    state = disk.state()
    _commit(state, "u1", "u1:w:order", "u2")
    state.stores["attribution"].apply({"u1": None, "u3": b"packed"}, {})  # and the worker dies
    found = disk.state()
    assert _users(found) == {"u1", "u1:w:order", "u2"}
    assert len(found.stores["attribution"].packed) == 3
    assert found.positions == {"attribution-inputs": _read_up_to(7)}
    assert found.changelogs[STAGE.changelog] == 7  # type: ignore[index]
    assert found.changelogs[REWARD_CHANGELOG] is None


def test_a_group_is_listed_as_it_is_by_now(disk: Disk) -> None:
    state = disk.state()
    _commit(state, "u", "u:a", "u:b", "u2:a", "v")
    packed: Any = state.stores["attribution"].packed
    state.stores["attribution"].apply({"u:a": None, "u:c": b"packed"}, {})
    assert sorted(packed.under("u")) == ["u:b", "u:c"]
    assert packed.under("w") == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda disk: setattr(disk, "topics", "a=2"), "made anew"),
        (lambda disk: setattr(disk, "now", NOW + KEPT_SECONDS + 1), "hours old"),
        (lambda disk: setattr(disk, "now", NOW - 3_600), "hours old"),
        (lambda disk: (disk.directory / "CURRENT").write_text("MANIFEST-999999\n"), "opened"),
    ],
)
def test_an_unfit_copy_is_discarded(
    disk: Disk,
    change: Callable[[Disk], Any],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _commit(disk.state(), "u")
    disk.close()
    change(disk)
    with caplog.at_level(logging.WARNING):
        state = disk.state()
    assert reason in caplog.text
    assert state.is_empty
    assert not state.positions
    assert set(state.changelogs.values()) == {None}
    _commit(state, "v")
    assert _users(disk.state()) == {"v"}


def test_a_copy_of_another_format_is_discarded(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    _commit(disk.state(), "u")
    monkeypatch.setattr(database, "FORMAT", database.FORMAT + 1)
    assert disk.state().is_empty


def test_a_copy_that_is_no_database_is_discarded(disk: Disk) -> None:
    disk.directory.mkdir()
    (disk.directory / "CURRENT").write_bytes(b"\0nonsense")
    assert disk.state().is_empty


def test_a_copy_that_is_in_use_is_left_alone(disk: Disk) -> None:
    _commit(disk.state(), "u")
    with pytest.raises(StoreError, match="LOCK"):
        DiskStore(disk.directory, disk.memory, disk.topics)
    assert _users(disk.state()) == {"u"}


def test_all_is_restored_again_after_it_was_discarded(disk: Disk) -> None:
    state = disk.state()
    _commit(state, "u", "u:a")
    state.discard("the log is shorter")
    assert state.is_empty
    assert set(state.changelogs.values()) == {None}
    changelog = STAGE.changelog
    assert changelog is not None
    state.restore(changelog, b"v", b"packed")
    state.restore(changelog, *position_message(STAGE.reads, _read_up_to(3)))
    state.restored(changelog, 2)
    found = disk.state()
    assert _users(found) == {"v"}
    assert found.positions == {"attribution-inputs": _read_up_to(3)}


def test_an_unreadable_file_is_no_records_fault(disk: Disk) -> None:
    """Else each record would become a dead letter."""

    class Broken:
        def get(self, key: bytes) -> bytes:
            raise Exception("Corruption: block checksum mismatch")  # noqa: TRY002

    store = StateStore(TIMERS, disk.open())
    store.packed._stored = Broken()  # type: ignore[attr-defined]
    chunk = Chunk(0, 1, [0], [0], [b"AMY"], [encode(review("set", "AMY", "u1", 0, "1 5"))])
    with pytest.raises(StoreError, match="checksum"):
        StageOfPartition(TIMERS, 0, 1).decide(chunk, store, ReferenceTables())


keys = st.sampled_from(["a", "a:1", "a:2", "b:1", "b"])
times = st.integers(-3, 9)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), keys, times),
        st.tuples(st.just("delete"), keys, st.just(0)),
        st.tuples(st.sampled_from(["write", "reopen"]), st.just(""), st.just(0)),
        st.tuples(st.just("due"), st.just(""), times),
    ),
    max_size=40,
)


@given(steps, st.integers(1, 4), st.sampled_from([0, 1_000, 1 << 20]))
@settings(max_examples=40)
def test_timers_fire_as_the_states_say_whatever_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    taken: list[tuple[str, str, int]],
    most: int,
    recent: int,
) -> None:
    disk = Disk(tmp_path_factory.mktemp("disk") / "p", recent)
    store = StateStore(TIMERS, disk.open())
    now: dict[str, int] = {}
    written: dict[str, int] = {}
    for step, key, time in taken:
        if step == "set":
            now[key] = time
            store.apply({key: _packed(key, time)})
        elif step == "delete":
            now.pop(key, None)
            store.apply({key: None})
        elif step == "due":
            due = sorted((at, owner) for owner, at in now.items() if at <= time and ":" in owner)
            assert store.timers.due(time, most) == due[:most]
        else:
            if step == "write":
                assert disk.store is not None
                disk.store.write(disk.store.progress)
                written = dict(now)
            store = StateStore(TIMERS, disk.open())
            now = dict(written)
        assert dict(store.packed) == {key: _packed(key, at) for key, at in now.items()}
        assert len(store.packed) == len(now)
    disk.close()


def _packed(key: str, time: int) -> bytes:
    return msgspec.msgpack.encode(Timer(due_at=time) if ":" in key else Rung(time))


def test_recent_states_of_all_stages_share_a_bound() -> None:
    budget = RecentBudget(100_000)
    members = [RecentStates(budget) for _ in range(3)]
    for n in range(9_000):
        members[n % 3].put(f"v{n}", b"x" * 100)
    kept = [*(key for member in members for key in (*member.young, *member.old))]
    assert 150 < len(kept) <= 100_000 / 300
    assert {f"v{n}" for n in range(8_900, 9_000)} <= set(kept)


def _settings(directory: Path) -> WorkerSettings:
    return WorkerSettings(
        bootstrap_servers="nowhere:0", worker_store="rocksdb", worker_state_dir=directory
    )


def test_a_lookup_in_a_large_file_reads_little(tmp_path: Path) -> None:
    rocks = options.library()
    stored = rocks.Rdict(str(tmp_path / "db"), SharedMemory(8).options(looked_up=True))
    keys = [b"%032d" % number for number in range(700_000)]
    for begin in range(10):
        batch = rocks.WriteBatch(raw_mode=True)
        for key in keys[begin::10]:
            batch.put(key, b"")
        stored.write(batch)
    stored.compact_range(None, None)
    looked_up = keys[::7_000]
    before = psutil.Process().io_counters().read_chars
    assert all(stored.get(key) is not None for key in looked_up)
    read = psutil.Process().io_counters().read_chars - before
    stored.close()
    assert read / len(looked_up) < 50_000, "the file's filter has 875 KB"


def test_each_worker_has_a_directory_that_the_next_one_takes(tmp_path: Path) -> None:
    first, second = (DiskStores(_settings(tmp_path), TOPOLOGY) for _ in range(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "referral.worker-1",
        "referral.worker-2",
    ]
    first._topics = ""
    first.open(3).close()
    assert (first.stored(), second.stored()) == (frozenset({3}), frozenset())
    first.release()
    assert DiskStores(_settings(tmp_path), TOPOLOGY).stored() == {3}


def test_without_the_library_a_worker_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "rocksdict", None)
    with pytest.raises(ExpectedError, match=r"install reftrail\[rocksdb\]"):
        DiskStores(_settings(tmp_path), TOPOLOGY)


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExpectedError, match="REFTRAIL_WORKER_STATE_DIR"):
        DiskStores(_settings(tmp_path / "file"), TOPOLOGY)


def test_stores_are_interchangeable(new_store: Callable[[], PartitionStore]) -> None:
    state = PartitionState(TOPOLOGY, new_store())
    _commit(state, "u", "v")
    _commit(state, "w", end=9)
    state.stores["attribution"].apply({"v": None}, {})
    assert _users(state) == {"u", "w"}
    assert state.positions == {"attribution-inputs": _read_up_to(9)}

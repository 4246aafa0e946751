"""The spool's file: order, what survives, and who may have it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from reftrail.collector import spool as spool_module
from reftrail.collector.interfaces import Message
from reftrail.collector.spool import FILE, Spool, size_of
from reftrail.contracts.errors import ExpectedError

TOPIC = "referral.events"


def messages(*values: bytes) -> list[Message]:
    return [Message("v1", value) for value in values]


def full(_: Path) -> None:
    raise OSError(28, "the disk is full")


def held(spool: Spool, after: int = 0) -> list[bytes]:
    return [spooled.message.value for spooled in spool.after(after, 2**20)]


def test_messages_stay_in_order_and_over_a_restart(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(b"a", b"b"), 1000)
        spool.append(messages(b"c"), 2000)
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        assert held(spool) == [b"a", b"b", b"c"]
        assert spool.backlog() == (3, sum(map(size_of, messages(b"a", b"b", b"c"))), 1000)
        spool.drop_through(spool.after(0, 2**20)[1].place)
        assert spool.backlog() == (1, size_of(Message("v1", b"c")), 2000)


def test_a_part_has_at_least_one_message(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(b"a", b"b", b"c"), 1)
        assert [spooled.message.value for spooled in spool.after(0, 1)] == [b"a"]
        two = 2 * size_of(Message("v1", b"a"))
        assert [spooled.message.value for spooled in spool.after(0, two)] == [b"a", b"b"]


def test_an_error_names_nobody(tmp_path: Path) -> None:
    """It is logged: a key is a visitor's or user's id."""
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        with closing(sqlite3.connect(tmp_path / FILE)) as other:
            other.execute("DROP TABLE messages")
        with pytest.raises(DatabaseError) as raised:
            spool.append([Message("bob@mail.example", b"a"), Message("uma", b"b")], 1)
    assert "no such table" in str(raised.value)
    assert not any(name in str(raised.value) for name in ("bob@", "uma"))


def test_a_place_is_never_another_messages(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(b"a"), 1)
        (first,) = spool.after(0, 1)
        spool.drop_through(first.place)
        spool.shrink()
        spool.append(messages(b"b"), 2)
        assert held(spool, after=first.place) == [b"b"]


def test_a_spool_that_is_cleared_begins_anew(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(b"a", b"b"), 1)
        spool.clear()
        assert spool.backlog() == (0, 0, None)
        spool.append(messages(b"c"), 2)
        assert held(spool) == [b"c"]
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        assert held(spool) == [b"c"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_log_without_its_file_holds_nothing(tmp_path: Path) -> None:
    """The end of a process between the two steps of a clearing."""
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(b"a"), 1)
        log = (tmp_path / f"{FILE}-wal").read_bytes()
        assert len(log) > 1000
    (tmp_path / FILE).unlink()
    (tmp_path / f"{FILE}-wal").write_bytes(log)
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        assert spool.backlog() == (0, 0, None)
        spool.append(messages(b"b"), 2)
        assert held(spool) == [b"b"]


def test_a_clearing_that_was_cut_short_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(b"a"), 1)
        with monkeypatch.context() as disk:
            disk.setattr(spool_module, "private_file", full)
            with pytest.raises(OSError, match="full"):
                spool.clear()
        spool.append(messages(b"b"), 2)
        assert held(spool) == [b"b"]


def test_an_empty_spool_gives_the_disk_back(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(*[b"x" * 1000] * 2000), 1)
        spool.drop_through(spool.after(0, 2**30)[-1].place)
        spool.shrink()
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 100_000


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path / "spool", TOPIC)) as spool:
        spool.append(messages(b"a"), 1)
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "spool").glob(f"{FILE}*")}
        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert modes - {0o600} <= {0o644}, "of the lock, which is empty"
    assert (tmp_path / "spool" / FILE).stat().st_mode & 0o777 == 0o600


def test_one_process_has_it(tmp_path: Path) -> None:
    with (
        closing(Spool.open(tmp_path, TOPIC)),
        pytest.raises(ExpectedError, match="another collector writes to the spool"),
    ):
        Spool.open(tmp_path, TOPIC)
    Spool.open(tmp_path, TOPIC).close()


def test_it_is_of_one_topic(tmp_path: Path) -> None:
    Spool.open(tmp_path, TOPIC).close()
    with pytest.raises(ExpectedError, match=r"has messages for referral\.events"):
        Spool.open(tmp_path, "staging.events")


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(ExpectedError, match="can't be read"):
        Spool.open(tmp_path, TOPIC)


@pytest.mark.parametrize("cut", [1, 40, 500, 3000])
def test_what_was_cut_short_never_was(tmp_path: Path, cut: int) -> None:
    """As kill -9 or a power cut leave the log: its last transaction half written."""
    with closing(Spool.open(tmp_path / "whole", TOPIC)) as spool:
        spool.append(messages(b"a" * 2000), 1)
        spool.append(messages(b"b" * 2000), 2)
        torn = tmp_path / "torn"
        torn.mkdir()
        for name in (FILE, f"{FILE}-wal"):
            (torn / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    log = torn / f"{FILE}-wal"
    log.write_bytes(log.read_bytes()[:-cut])
    with closing(Spool.open(torn, TOPIC)) as spool:
        assert held(spool) == [b"a" * 2000]
        spool.append(messages(b"c"), 3)
        assert held(spool) == [b"a" * 2000, b"c"]


def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool, spool._engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        assert raw.execute("PRAGMA synchronous").fetchone() == (2,)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_existing_one_is_looked_at_while_it_is_in_use(tmp_path: Path) -> None:
    with closing(Spool.open(tmp_path, TOPIC)) as spool:
        spool.append(messages(b"a"), 7)
        with closing(Spool.open_existing(tmp_path)) as seen:
            assert seen.backlog().oldest == 7
    with pytest.raises(ExpectedError, match="there is no spool"):
        Spool.open_existing(tmp_path / "elsewhere")

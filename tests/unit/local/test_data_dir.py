"""The data directory: one stack at a time, keys that stay, clear words when it can't be used."""

import os
import sys
import time
from pathlib import Path

import pytest

from reftrail.codes.formats.secrets import parse_master_secret
from reftrail.contracts.errors import ExpectedError
from reftrail.local.data_dir import keys_of, locked_data_dir
from reftrail.local.process import Child, Command
from reftrail.local.process_reaper import ProcessReaper


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_second_stack_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with locked_data_dir(tmp_path):
        expected = rf"already runs on .* \(pid {os.getpid()}\); stop it, or choose another"
        with pytest.raises(ExpectedError, match=expected), locked_data_dir(tmp_path):
            pass


def test_a_directory_that_was_let_go_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with locked_data_dir(tmp_path / "new" / "deep") as directory:
            assert directory.is_dir()


def test_a_path_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    expected = r"directory .*file/data cannot be used: Not a directory; choose another one"
    with (
        pytest.raises(ExpectedError, match=expected),
        locked_data_dir(tmp_path / "file" / "data"),
    ):
        pass


def test_a_full_disk_is_noticed_before_anything_starts(tmp_path: Path) -> None:
    expected = r"only \d+ MB are free on the disk of .*, 1073741824 are needed; make room there"
    with pytest.raises(ExpectedError, match=expected), locked_data_dir(tmp_path, room=2**50):
        pass


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    made = keys_of(tmp_path)
    assert keys_of(tmp_path) == made
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_data_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    with locked_data_dir(tmp_path / "data") as directory:
        assert mode(directory) == 0o700
        assert {mode(entry) for entry in directory.iterdir()} == {0o600}


def test_what_an_earlier_version_left_open_to_others_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "clickhouse").mkdir(parents=True, mode=0o755)
    for name in ("codes.sqlite", "webhooks.sqlite", "webhooks.sqlite.lock"):
        (data / name).touch(mode=0o644)
    (data / "worker-state").mkdir(mode=0o755)
    (data / "logs").symlink_to(tmp_path)
    before = mode(tmp_path)
    with locked_data_dir(data):
        pass
    assert mode(data) == mode(data / "clickhouse") == mode(data / "worker-state") == 0o700
    assert {mode(file) for file in data.glob("*.sqlite*")} == {0o600}
    assert mode(tmp_path) == before


def test_what_else_is_in_the_directory_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "page.html").touch(mode=0o644)
    (tmp_path / "keys.json").touch(mode=0o644)
    tmp_path.chmod(0o755)
    with locked_data_dir(tmp_path):
        pass
    assert mode(tmp_path) == 0o755
    assert mode(tmp_path / "page.html") == 0o644
    assert mode(tmp_path / "keys.json") == 0o600


def test_what_a_host_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys\n"
        f"pathlib.Path({str(tmp_path)!r}, 'codes.sqlite').touch()\n"
        f"pathlib.Path({str(tmp_path)!r}, 'topic').mkdir()\n"
    )
    reaper = ProcessReaper()
    child = Child(Command((sys.executable, "-c", program), tmp_path / "logs" / "host.log"), reaper)
    try:
        while child.exit_code() is None:
            time.sleep(0.01)
    finally:
        child.kill()
        reaper.close()
    assert child.exit_code() == 0, child.output()
    assert mode(tmp_path / "codes.sqlite") == mode(tmp_path / "logs" / "host.log") == 0o600
    assert mode(tmp_path / "topic") == mode(tmp_path / "logs") == 0o700


def test_keys_of_an_earlier_version_get_what_they_lack(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"secret_key": "s", "publishable_key": "p", "hash_key": "h:00"}')
    keys = keys_of(tmp_path)
    assert (keys.secret_key, keys.hash_key) == ("s", "h:00")
    assert parse_master_secret(keys.codes_secret).key_id == "local1"
    assert keys_of(tmp_path) == keys
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


def test_keys_differ_from_directory_to_directory(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here, there = keys_of(tmp_path), keys_of(tmp_path / "other")
    assert here.secret_key != there.secret_key
    assert here.hash_key != there.hash_key


def test_a_spoilt_keys_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    with pytest.raises(ExpectedError, match="put back the file that was there"):
        keys_of(tmp_path)
    assert (tmp_path / "keys.json").read_text() == "{}"

"""The ready file."""

from pathlib import Path

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.local.ready import Ready, read_ready, remove_ready, write_ready

READY = Ready(
    collector_url="http://127.0.0.1:1",
    reports_url="http://127.0.0.1:2",
    bootstrap_servers="127.0.0.1:3",
    secret_key="sk",
    publishable_key="pk",
    topic_prefix="referral.",
    codes_store="sqlite:////tmp/codes.sqlite",
    codes_secret="local1:00",
    worker_urls=["http://127.0.0.1:4"],
    group="reftrail",
    partitions=8,
    pid=5,
    pids={"broker": 6},
)


def test_what_was_written_is_read_and_only_its_owner_can(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ready.json"
    write_ready(path, READY)
    assert read_ready(path) == READY
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["ready.json"]


def test_removing_it_twice_is_fine(tmp_path: Path) -> None:
    write_ready(tmp_path / "ready.json", READY)
    remove_ready(tmp_path / "ready.json")
    remove_ready(tmp_path / "ready.json")
    with pytest.raises(ExpectedError, match=r"there is no .*ready.json; start the stack with"):
        read_ready(tmp_path / "ready.json")


def test_another_file_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text('{"collector_url": 1}')
    with pytest.raises(
        ExpectedError, match=r"is not a ready file of this version: .*collector_url"
    ):
        read_ready(tmp_path / "ready.json")


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExpectedError, match=r"cannot write the ready file .*file/ready.json"):
        write_ready(tmp_path / "file" / "ready.json", READY)

"""Flags come before the environment, and that before the ready file."""

from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from reftrail.cli.connection import CollectorUrl, ReadyFile, SecretKey, resolve
from reftrail.contracts.errors import ExpectedError

WRITTEN = {
    "collector_url": "http://from-file/",
    "reports_url": "http://reports",
    "bootstrap_servers": "broker:9092",
    "secret_key": "sk_file",
    "publishable_key": "pk_file",
    "topic_prefix": "mine.",
    "codes_store": "sqlite:////codes.sqlite",
    "codes_secret": "c1:00",
    "worker_urls": [],
    "group": "g",
    "partitions": 1,
    "pid": 1,
    "pids": {},
}


@pytest.fixture
def ready_file(tmp_path: Path) -> Path:
    path = tmp_path / "ready.json"
    path.write_bytes(msgspec.json.encode(WRITTEN))
    return path


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def show(
        collector_url: CollectorUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        found = resolve(ready_file, collector_url=collector_url, secret_key=secret_key)
        typer.echo(f"{found.collector_url} {found.secret_key} {found.topic_prefix}")

    return app


@pytest.mark.parametrize(
    ("flags", "environment", "shown"),
    [
        ([], {}, "http://from-file sk_file mine."),
        ([], {"REFTRAIL_COLLECTOR_URL": "http://env"}, "http://env sk_file mine."),
        (
            ["--collector-url", "http://flag"],
            {"REFTRAIL_COLLECTOR_URL": "http://env", "REFTRAIL_SECRET_KEY": "sk_env"},
            "http://flag sk_env mine.",
        ),
    ],
)
def test_the_nearest_source_wins(
    command: typer.Typer,
    ready_file: Path,
    flags: list[str],
    environment: dict[str, str],
    shown: str,
) -> None:
    env = {"REFTRAIL_READY_FILE": str(ready_file), **environment}
    assert CliRunner().invoke(command, flags, env=env).output.strip() == shown


def test_what_nobody_said_is_asked_for_when_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    connection = resolve(collector_url="http://flag")
    assert connection.collector_url == "http://flag"
    assert connection.topic_prefix == "referral."
    with pytest.raises(
        ExpectedError,
        match="the reports URL is not known; give --reports-url, set REFTRAIL_REPORTS_URL, or",
    ):
        _ = connection.reports_url


def test_the_stack_of_the_working_directory_is_found(
    tmp_path: Path, ready_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".data").mkdir()
    ready_file.rename(tmp_path / ".data" / "ready.json")
    monkeypatch.chdir(tmp_path)
    assert resolve().bootstrap_servers == "broker:9092"


def test_a_ready_file_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match=r"there is no .*nowhere\.json"):
        resolve(tmp_path / "nowhere.json")


@pytest.mark.parametrize("key", ["sk\n123", "\u201csk_123\u201d", "sk 123", "sk_\udcff"])
def test_a_key_that_no_header_can_have_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ExpectedError, match="characters that no key has") as refused:
        _ = resolve(secret_key=key).secret_key
    assert "123" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "http://[::1", "http://host:99999", "http://", "kafka://b", "ab c"]
)
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ExpectedError, match="give an address like http://"):
        _ = resolve(reports_url=url).reports_url


@pytest.mark.parametrize(
    "url", ["http://reports", "http://[::1]:8080", "https://user@b\u00fccher.example/reftrail"]
)
def test_an_address_may_have_a_path_behind_a_proxy(url: str) -> None:
    assert resolve(reports_url=f"{url}/").reports_url == url


def test_a_key_may_have_a_line_break_after_it() -> None:
    assert resolve(secret_key="sk_123\n").secret_key == "sk_123"

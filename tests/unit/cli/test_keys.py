"""`reftrail keys`: the key alone on stdout, once; what each may do, and when it was last used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.codes import sqlite_url
from typer.testing import CliRunner, Result

from reftrail.cli import keys as commands
from reftrail.cli.codes import session
from reftrail.cli.main import command_line
from reftrail.contracts.api_keys import ApiKeyUsed, hash_of, id_of
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import HOUR
from reftrail.contracts.times import now

Run = Callable[..., Result]


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> list[ApiKeyUsed]:
    """The records on the topic of uses."""
    found: list[ApiKeyUsed] = []
    monkeypatch.setattr(commands, "read_all", lambda *_: found)
    return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uses: list[ApiKeyUsed]) -> Run:
    monkeypatch.setattr(session, "wait_until_sent", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    app = command_line(("keys",))
    known = {
        "REFTRAIL_CODES_STORE": sqlite_url(tmp_path),
        "REFTRAIL_BOOTSTRAP_SERVERS": "b:1",
        "REFTRAIL_ACTOR": "ann",
        "COLUMNS": "200",
    }

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(app, ["keys", *arguments], env=known)
        if isinstance(done.exception, ExpectedError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done

    return run


def listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json").stdout)
    return found


def used(text: str, at: int, host: str) -> ApiKeyUsed:
    return ApiKeyUsed(
        event_id=f"{text}{host}",
        event_time=at,
        received_at=at,
        name="shop",
        key_id=id_of(hash_of(text)),
        host=host,
    )


def test_a_script_can_take_the_key_from_stdout(run: Run) -> None:
    made = run("create", "shop", "--kind", "secret", "--scope", "events:write")
    assert made.stdout.startswith("sk_")
    assert made.stdout.count("\n") == 1
    assert "shown this once" in made.stderr
    rotated = run("rotate", "shop", "--overlap", "2 days")
    assert rotated.stdout != made.stdout
    assert id_of(hash_of(made.stdout.strip())) in rotated.stderr
    assert made.stdout.strip() not in run("list").output


def test_the_list_tells_what_is_used(run: Run, uses: list[ApiKeyUsed]) -> None:
    former = run("create", "shop", "--kind", "secret", "--scope", "codes:*").stdout.strip()
    present = run("rotate", "shop").stdout.strip()
    uses += [used(former, 1_790_000_000_000, "a"), used(former, 1_790_000_060_000, "b")]
    (row,) = listed(run)
    assert (row["status"], row["actor"], row["scopes"]) == (
        "rotating",
        "ann",
        ["codes:read", "codes:write"],
    )
    texts = {text["key_id"]: text for text in row["keys"]}
    assert texts[id_of(hash_of(former))]["last_used"] == "2026-09-21T14:14:20+00:00"
    assert texts[id_of(hash_of(former))]["good_until"] is not None
    assert texts[id_of(hash_of(present))]["last_used"] is None
    table = run("list").stdout
    assert id_of(hash_of(former)) in table
    assert "2026-09-21 14:14Z" in table
    lines = table.splitlines()
    assert [line.split()[2] for line in lines[1:2]] == ["codes:read"]
    assert (len(lines), "codes:write" in lines[2]) == (3, True)


def test_a_key_ends_by_time_or_by_hand(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("create", "page", "--kind", "publishable", "--origin", "https://shop.example")
    run("create", "brief", "--kind", "publishable", "--for", "1 hour")
    run("revoke", "page", "--reason", "leaked")
    later = now() + 2 * HOUR
    monkeypatch.setattr(commands, "now", lambda: later)
    assert [(row["name"], row["status"]) for row in listed(run)] == [
        ("brief", "expired"),
        ("page", "revoked"),
    ]
    with pytest.raises(ExpectedError, match="no duration"):
        run("create", "odd", "--kind", "publishable", "--for", "a while")
    with pytest.raises(ExpectedError, match="has ended"):
        run("rotate", "page")


def test_without_kafka_the_list_lacks_the_uses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("create", "page", "--kind", "publishable")

    def unreachable(*_: object) -> None:
        raise ExpectedError("Kafka does not answer")

    monkeypatch.setattr(commands, "read_all", unreachable)
    shown = run("list")
    assert "page" in shown.stdout
    assert "last uses are not known: Kafka does not answer" in shown.stderr

"""The commands about campaigns, lists and reviews, typed against a real broker."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.kafka import TestInstallation
from support.log import read_committed
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import Listed, Reviewed
from reftrail.contracts.topics import CAMPAIGNS, LISTS, REVIEWS
from reftrail.edge.pseudonyms import parse_hash_key, pseudonyms

HASH_KEY = "k1:" + "5e" * 32
SPRING = """
[campaign]
campaign_id = "spring"
name = "Spring"
trigger = "first_purchase"
hold_for = "14 days"
reward.referrer.value = "5.00"
"""


class Shell:
    """Types commands at an installation; a refusal is raised, as `main` would print it."""

    def __init__(self, installation: TestInstallation) -> None:
        self._app = command_line(("campaigns", "lists", "reviews"))
        self._environment = {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
            "REFTRAIL_HASH_KEY": HASH_KEY,
            "REFTRAIL_ACTOR": "ann",
            "COLUMNS": "80",
        }
        self.said = ""

    def __call__(self, *words: object) -> str:
        done = CliRunner().invoke(self._app, [str(word) for word in words], env=self._environment)
        if isinstance(done.exception, ExpectedError):
            raise done.exception
        assert done.exit_code == 0, done.output
        self.said = done.stderr
        return done.stdout


@pytest.fixture
def shell(installation: TestInstallation) -> Shell:
    return Shell(installation)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "spring.toml"
    path.write_text(SPRING)
    return path


def test_a_campaign_from_file_to_version(
    shell: Shell, file: Path, installation: TestInstallation
) -> None:
    assert shell("campaigns", "lint", file) == "campaigns: 1, warnings: 0\n"
    dry = shell("campaigns", "apply", file, "--dry-run")
    assert dry.startswith("spring: would be version 1, in force from always\n")
    assert '  hold_for               "14 days"\n' in dry
    assert read_committed(installation, CAMPAIGNS) == []

    assert shell("campaigns", "apply", file) == "spring: version 1, in force from always\n"
    assert shell("campaigns", "apply", file).startswith("spring: unchanged, version 1")
    assert shell("campaigns", "diff", file) == "spring: the same as version 1\n"

    file.write_text(SPRING.replace("14 days", "3 days"))
    found = shell("campaigns", "diff", file)
    assert "spring: version 1 -> version 2\n" in found
    assert '"14 days" -> "3 days"\n' in found
    shell("campaigns", "apply", file)
    assert "[hold-shorter-than-refunds]" in shell.said
    assert f"warning: {file}:6:12: hold_for is 3 days" in shell.said
    assert '"14 days" -> "3 days"' in shell("campaigns", "diff", "spring")


def test_versions_are_shown_as_files(shell: Shell, file: Path, tmp_path: Path) -> None:
    shell("campaigns", "apply", file)
    file.write_text(SPRING.replace("5.00", "6.00"))
    shell("campaigns", "apply", file)
    assert "spring" in shell("campaigns", "list")
    first = shell("campaigns", "show", "spring", "--version", 1)
    assert first.startswith("# version 1, in force from always  <- this one\n# version 2,")
    assert 'value = "5.00"' in first
    assert 'value = "6.00"' in shell("campaigns", "show", "spring")
    again = tmp_path / "again.toml"
    again.write_text(shell("campaigns", "show", "spring"))
    assert shell("campaigns", "diff", again).startswith("spring: the same as version 2")
    with pytest.raises(ExpectedError, match="spring has no version 3; there are 1, 2"):
        shell("campaigns", "show", "spring", "--version", 3)
    with pytest.raises(ExpectedError, match="there is no campaign summer"):
        shell("campaigns", "diff", "summer")


def test_lint_looks_at_what_is_applied(shell: Shell, file: Path) -> None:
    shell("campaigns", "apply", file)
    file.write_text(
        SPRING.replace("[campaign]", "[campaign]\neffective_from = 2020-01-01T00:00:00Z")
    )
    assert shell("campaigns", "lint", file) == "campaigns: 1, warnings: 0\n"
    assert shell("campaigns", "lint", file, "--applied") == "campaigns: 1, warnings: 1\n"
    assert "[in-the-past]" in shell.said


def test_lists_have_hashes_only(shell: Shell, installation: TestInstallation) -> None:
    hashed = pseudonyms(parse_hash_key(HASH_KEY)).address("203.0.113.9")[0]
    shell("lists", "add", "block", "ip", "203.0.113.9", "--for", "30 days", "--reason", "farm")
    shell("lists", "add", "allow", "user", "uma")
    shell("lists", "add", "block", "device", "ab" * 16, "--hashed")
    written = [logged.record for logged in read_committed(installation, LISTS)]
    assert all(isinstance(record, Listed) for record in written)
    (entry,) = (
        record for record in written if isinstance(record, Listed) and record.subject == "ip"
    )
    assert (entry.value, entry.listing, entry.actor) == (hashed, "block", "ann")
    assert entry.expires_at == entry.event_time + 30 * 86_400_000

    assert hashed[:8] in shell("lists", "show", "ip", "203.0.113.9")
    assert "uma" not in shell("lists", "show", "ip")
    shell("lists", "remove", "ip", "203.0.113.9")
    assert hashed[:8] not in shell("lists", "show")
    assert "uma" in shell("lists", "show")
    with pytest.raises(ExpectedError, match="is on no list"):
        shell("lists", "remove", "ip", "203.0.113.9")
    with pytest.raises(ExpectedError, match='give a duration such as "30 days"'):
        shell("lists", "add", "block", "user", "eve", "--for", "ever")


def test_an_entry_of_another_hash_key_is_told(shell: Shell, installation: TestInstallation) -> None:
    shell("lists", "add", "block", "ip", "203.0.113.9", "--hash-key", "k0:" + "0a" * 16)
    shell("lists", "add", "block", "email", "ab" * 16, "--hashed", "--hash-key-id", "k-1")
    shell("lists", "add", "block", "device", "cd" * 16, "--hashed")
    shell("lists", "add", "allow", "user", "uma")
    written: Iterable[Any] = (logged.record for logged in read_committed(installation, LISTS))
    keys = {entry.subject: entry.hash_key_id for entry in written}
    own = parse_hash_key(HASH_KEY).key_id
    assert keys == {"ip": "k0", "email": "k-1", "device": own, "user": None}

    assert "│ k0 " in shell("lists", "show")
    assert shell.said.startswith(
        f"2 entries were made under another hash key (k-1, k0) than the one given here ({own}): "
        f"no event that is hashed under {own} matches."
    )
    shell("lists", "show", "device")
    assert shell.said == ""
    with pytest.raises(ExpectedError, match=r"on no list.* Of ip, 1 entry was made under another"):
        shell("lists", "remove", "ip", "203.0.113.9")
    shell("lists", "remove", "ip", "203.0.113.9", "--hash-key", "k0:" + "0a" * 16)
    shell("lists", "remove", "email", "ab" * 16, "--hashed")
    assert "k0" not in shell("lists", "show")
    assert shell.said == ""
    with pytest.raises(ExpectedError, match="give it with --hashed"):
        shell("lists", "add", "block", "ip", "203.0.113.9", "--hash-key-id", "k0")


def test_decisions_are_written(shell: Shell, installation: TestInstallation) -> None:
    found = shell("reviews", "decline", "AMY", "bob", "--reason", "fraud", "--note", "a farm")
    assert found == "decline: AMY bob; see: reftrail explain AMY bob\n"
    shell("reviews", "approve", "AMY", "uma")
    shell("reviews", "reverse", "AMY", "vic", "--reward", "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f")
    logged = {entry.key: entry for entry in read_committed(installation, REVIEWS)}
    assert sorted(logged) == ["AMY:bob", "AMY:uma", "AMY:vic"]
    declined = logged["AMY:bob"].record
    assert isinstance(declined, Reviewed)
    assert (declined.decision, declined.reviewer) == ("decline", "ann")
    assert (declined.reason, declined.note) == ("fraud", "a farm")
    for entry in logged.values():
        assert entry.partition == REVIEWS.partition(entry.key, installation.partitions)
    with pytest.raises(ExpectedError, match="reason is wrong; expected 1 to 64 of a-z"):
        shell("reviews", "decline", "AMY", "bob", "--reason", "A Farm")

"""The command line with a store of codes, and answers of the reports."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.codes_commands import Codes
from typer import Typer
from typer.main import get_command

from reftrail.cli.codes import asks, issue, review, session, take_over
from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError


@pytest.fixture(scope="module")
def app() -> Iterator[Typer]:
    """The commands, made out once: that takes longer than most of what they do."""
    made = command_line(("codes",))
    command = get_command(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", lambda _: command)
        yield made


@pytest.fixture
def codes(app: Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Codes:
    """Campaigns spring and winter are there, and nothing waits for Kafka."""

    def check(_: object, wanted: set[str]) -> None:
        if wanted - {"spring", "winter"}:
            raise ExpectedError(f"there is no campaign {min(wanted)}")

    monkeypatch.setattr(session, "wait_until_sent", lambda *_: None)
    monkeypatch.setattr(issue, "check_campaigns", check)
    monkeypatch.setattr(take_over, "check_campaigns", check)
    monkeypatch.chdir(tmp_path)
    return Codes(
        app,
        tmp_path,
        {
            "REFTRAIL_CODES_STORE": f"sqlite:///{tmp_path}/codes.sqlite",
            "REFTRAIL_CODES_SECRET": "c1:" + "5e" * 32,
            "REFTRAIL_COLLECTOR_URL": "https://go.example",
            "REFTRAIL_ACTOR": "amy",
            "COLUMNS": "80",
        },
    )


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Set the answers of the reports from now on."""

    def answer(actual: dict[str, Any]) -> None:
        for module in (asks, review):
            monkeypatch.setattr(module, "asked", lambda *_: actual)

    return answer

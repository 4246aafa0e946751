"""`reftrail lists show`."""

import pytest
from typer.testing import CliRunner

from reftrail.cli import lists as module
from reftrail.cli.main import command_line
from reftrail.contracts.external_inputs import Listed, Listing


def test_an_entry_is_shown_as_it_is_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Listed(
        event_id="one",
        event_time=1_000,
        received_at=1_000,
        subject="user",
        value="[/x] :bug: [red]",
        listing=Listing.BLOCK,
        actor="ann",
        reason="[/]",
    )
    monkeypatch.setattr(module, "entries", lambda *_: [entry])
    environment = {"REFTRAIL_BOOTSTRAP_SERVERS": "nowhere:1", "COLUMNS": "200"}
    shown = CliRunner().invoke(command_line(("lists",)), ["lists", "show"], env=environment)
    assert "[/x] :bug: [red]" in shown.output

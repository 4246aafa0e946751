"""Values that are refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from reftrail.webhooks.settings import WebhooksSettings


@pytest.mark.parametrize("value", ["inf", "nan", "0", "-1"])
@pytest.mark.parametrize(
    "name",
    ["timeout_seconds", "retry_first_seconds", "retry_most_seconds", "give_up_after_seconds"],
)
def test_a_time_has_an_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("REFTRAIL_WEBHOOKS_STORE", str(tmp_path / "webhooks.sqlite"))
    assert WebhooksSettings().webhooks_timeout_seconds == 15.0
    monkeypatch.setenv(f"REFTRAIL_WEBHOOKS_{name.upper()}", value)
    with pytest.raises(ValidationError, match=f"webhooks_{name}"):
        WebhooksSettings()

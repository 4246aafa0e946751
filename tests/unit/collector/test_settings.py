"""The collector's settings."""

import pytest
from pydantic import ValidationError

from reftrail.collector.settings import CollectorSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"landing_url": "/welcome"},
        {"landing_url": "javascript:alert(1)"},
        {"trusted_proxies": "10.0.0.0/8,nonsense"},
        {"collector_port": 0},
        {"ack_timeout_seconds": 0},
    ],
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    right = {"bootstrap_servers": "b:1", "hash_key": "k:00"}
    assert CollectorSettings.model_validate(right).landing_url is None
    with pytest.raises(ValidationError):
        CollectorSettings.model_validate(right | wrong)


def test_secrets_are_not_shown() -> None:
    settings = CollectorSettings.model_validate(
        {"bootstrap_servers": "b:1", "hash_key": "k:geheim", "secret_keys": "geheim"}
    )
    assert "geheim" not in repr(settings)

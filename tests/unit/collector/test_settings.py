"""The collector's settings."""

import pytest
from pydantic import ValidationError

from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.errors import ExpectedError
from reftrail.edge.pseudonyms import HashKey


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


def test_the_former_hash_key_is_another_one() -> None:
    given = {"bootstrap_servers": "b:1", "hash_key": "k2:" + "5e" * 32}
    former = CollectorSettings.model_validate(given | {"former_hash_key": "k1:" + "7a" * 32})
    assert former.former_key == HashKey("k1", b"\x7a" * 32)
    for none in ({}, {"former_hash_key": ""}):
        assert CollectorSettings.model_validate(given | none).former_key is None
    same = CollectorSettings.model_validate(given | {"former_hash_key": "k2:" + "7a" * 32})
    with pytest.raises(ExpectedError, match="an id of its own"):
        _ = same.former_key

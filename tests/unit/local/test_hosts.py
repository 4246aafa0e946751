"""Start of the hosts of a stack."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.local.data_dir import Keys
from reftrail.local.hosts import (
    StackConfig,
    codes_host,
    collector_host,
    fulfilment_host,
    partners_host,
    warehouse_host,
    worker_host,
)
from reftrail.local.process import _environment


@pytest.fixture
def place(tmp_path: Path) -> StackConfig:
    keys = Keys(**{name: f"the {name}" for name in Keys.__struct_fields__})
    return StackConfig(tmp_path, Installation(bootstrap_servers="kafka:9092"), keys, "group")


def test_fulfilment_asks_the_simulated_partners(place: StackConfig) -> None:
    given = fulfilment_host(place, 1, partners_port=2).command.environment
    partners = partners_host(place, 2).command.environment
    assert given["REFTRAIL_FULFILMENT_WEBHOOK_URL"] == "http://127.0.0.1:2"
    assert given["REFTRAIL_FULFILMENT_CARRIER_URL"] == "http://127.0.0.1:2"
    secret = given["REFTRAIL_FULFILMENT_SIGNING_SECRETS"]
    assert secret == partners["REFTRAIL_PARTNERS_SIGNING_SECRETS"]
    assert secret
    assert len(secret) >= 32
    codes = given["REFTRAIL_FULFILMENT_CODES_FILE"]
    assert codes
    assert Path(codes).read_text().startswith("# Codes to hand out")


def test_fulfilment_asks_whom_the_environment_names(
    place: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFTRAIL_FULFILMENT_WEBHOOK_URL", "https://pay.example")
    given = fulfilment_host(place, 1, partners_port=2).command.environment
    assert given["REFTRAIL_FULFILMENT_WEBHOOK_URL"] == "https://pay.example"
    assert not given["REFTRAIL_FULFILMENT_SIGNING_SECRETS"], "no secret of ours for a stranger"
    assert given["REFTRAIL_FULFILMENT_CARRIER_URL"] == "http://127.0.0.1:2"


def test_each_host_has_the_secrets_that_it_needs_and_no_others(
    place: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SECRET_KEYS", "HASH_KEY", "CODES_SECRET", "KAFKA_PASSWORD", "REPORTS_KEY"):
        monkeypatch.setenv(f"REFTRAIL_{name}", "the shell's, for another installation")
    hosts = {
        "codes": codes_host(place, 1),
        "collector": collector_host(place, 1, 2),
        "worker": worker_host(place, 1, 1),
        "warehouse": warehouse_host(place, 1, 2),
        "fulfilment": fulfilment_host(place, 1, 2),
    }
    known = {"secret_key", "publishable_key", "hash_key", "codes_secret"}
    given = {
        name: {key for key in known if f"the {key}" in _environment(host.command).values()}
        for name, host in hosts.items()
    }
    assert given == {
        "codes": {"codes_secret"},
        "collector": known,
        "worker": set(),
        "warehouse": {"secret_key"},
        "fulfilment": set(),
    }
    for host in hosts.values():
        assert "the shell's, for another installation" not in _environment(host.command).values()


def test_the_hash_key_is_changed_in_the_file_of_keys(
    place: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is only set in the environment isn't taken: the collector would never start."""
    present = "k2:" + "7a" * 32
    changed = StackConfig(
        place.directory, place.installation, replace(place.keys, hash_key=present), place.group
    )
    monkeypatch.setenv("REFTRAIL_FORMER_HASH_KEY", "k1:" + "5b" * 32)
    given = collector_host(changed, 1, 2).command.environment
    assert given["REFTRAIL_HASH_KEY"] == present
    assert given["REFTRAIL_FORMER_HASH_KEY"] == "k1:" + "5b" * 32
    monkeypatch.setenv("REFTRAIL_FORMER_HASH_KEY", "k2:" + "5b" * 32)
    with pytest.raises(ExpectedError, match=r"keys\.json of the data directory.* put the new key"):
        collector_host(changed, 1, 2)

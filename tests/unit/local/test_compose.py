"""The variables of the composed hosts are those that the hosts read; each has its own secrets."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from reftrail.codes.host.settings import CodesSettings
from reftrail.collector.settings import CollectorSettings
from reftrail.engine.settings import WorkerSettings
from reftrail.fulfilment.settings import FulfilmentSettings
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.webhooks.settings import WebhooksSettings

FOLDER = Path(__file__).parents[3] / "infra" / "compose"
HOSTS: dict[str, type[BaseSettings]] = {
    "codes": CodesSettings,
    "collector": CollectorSettings,
    "worker": WorkerSettings,
    "warehouse": WarehouseSettings,
    "fulfilment": FulfilmentSettings,
    "webhooks": WebhooksSettings,
}
SERVICES: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def variables(host: str) -> dict[str, str]:
    return {
        name.removeprefix("REFTRAIL_").lower(): str(value)
        for name, value in SERVICES[host]["environment"].items()
    }


@pytest.mark.parametrize(("host", "settings"), HOSTS.items())
def test_a_host_is_given_what_it_reads_and_all_that_it_needs(
    host: str, settings: type[BaseSettings]
) -> None:
    needed = {name for name, field in settings.model_fields.items() if field.is_required()}
    assert needed <= variables(host).keys() <= settings.model_fields.keys()


def test_each_host_has_the_secrets_that_it_needs_and_no_others() -> None:
    secrets = {
        name
        for settings in HOSTS.values()
        for name, field in settings.model_fields.items()
        if SecretStr.__name__ in str(field.annotation)
    }
    given = {host: variables(host).keys() & secrets for host in HOSTS}
    assert given == {
        "codes": {"codes_store", "codes_secret"},
        "collector": {
            "codes_store",
            "codes_secret",
            "former_hash_key",
            "hash_key",
            "publishable_keys",
            "secret_keys",
        },
        "worker": set(),
        "warehouse": {"clickhouse_url", "secret_keys"},
        "fulfilment": {"fulfilment_carrier_key", "fulfilment_signing_secrets"},
        "webhooks": set(),
    }
    assert not any("env_file" in service for service in SERVICES.values())


def test_what_compose_asks_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (FOLDER / "compose.yaml").read_text()))
    lines = (FOLDER / "example.env").read_text().splitlines()
    assert asked <= {line.partition("=")[0] for line in lines}


@pytest.mark.parametrize("host", HOSTS)
def test_hosts_have_no_rights_and_write_to_nothing_but_volumes(host: str) -> None:
    service = SERVICES[host]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]

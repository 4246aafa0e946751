"""Secrets that everybody knows are refused by every host's settings."""

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from reftrail.codes.host.settings import CodesSettings
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.installation import Installation
from reftrail.fulfilment.settings import FulfilmentSettings
from reftrail.warehouse.settings import WarehouseSettings


@pytest.mark.parametrize(
    ("host", "settings"),
    [
        (Installation, {"kafka_password": "change-me"}),
        (CollectorSettings, {"hash_key": "change-me"}),
        (CollectorSettings, {"hash_key": "k:00", "secret_keys": "sk_fine,Change_Me"}),
        (CollectorSettings, {"hash_key": "k:00", "publishable_keys": "changeme"}),
        (CodesSettings, {"codes_store": "postgresql+psycopg://reftrail:change-me@db/codes"}),
        (WarehouseSettings, {"clickhouse_path": "/", "secret_keys": "sk_fine,change-me"}),
        (
            FulfilmentSettings,
            {
                "fulfilment_journal": "journal",
                "fulfilment_kinds": "credit",
                "fulfilment_webhook_url": "https://accounts.example",
                "fulfilment_signing_secrets": "change-me-to-at-least-thirty-two-characters",
            },
        ),
    ],
)
def test_an_examples_secret_is_refused(host: type[BaseSettings], settings: dict[str, str]) -> None:
    secret = next(name for name, value in settings.items() if "change" in value.casefold())
    with pytest.raises(ValidationError, match=f"REFTRAIL_{secret.upper()} is still the example's"):
        host.model_validate({"bootstrap_servers": "kafka:9092"} | settings)

"""Settings are named HOST_WHAT_UNIT, but for those that are listed here."""

from typing import Final

import pytest

from reftrail.codes.host.settings import CodesSettings
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.installation import Installation
from reftrail.engine.settings import WorkerSettings
from reftrail.fulfilment.settings import FulfilmentSettings
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.webhooks.settings import WebhooksSettings

HOSTS: Final[dict[str, type[Installation]]] = {
    "collector": CollectorSettings,
    "codes": CodesSettings,
    "worker": WorkerSettings,
    "warehouse": WarehouseSettings,
    "fulfilment": FulfilmentSettings,
    "webhooks": WebhooksSettings,
}
SHARED: Final = {
    "hash_key",
    "former_hash_key",
    "secret_keys",
    "publishable_keys",
    "landing_url",
    "trusted_proxies",
}
"""Settings of the installation, which several hosts and commands read."""
OF_OTHERS: Final = {
    "collector": {"codes_store", "codes_secret", "reports_url", "reports_key"},
    "warehouse": {"clickhouse_path", "clickhouse_url", "clickhouse_cluster", "collector_url"},
}
"""Settings named after the system that they lead to."""
WITHOUT_HOST: Final = {
    "collector": {
        *("cookie_domain", "cors_origins"),
        *("ack_timeout_seconds", "redirect_timeout_seconds", "buffer_bytes"),
        *("secret_rate", "publishable_rate", "address_rate"),
        *("secret_event_rate", "publishable_event_rate", "address_event_rate"),
    },
    "codes": {"group"},
    "worker": {
        *("group", "accept_lost_records", "max_batch", "sieve"),
        *("linger_ms", "gather_ms", "idle_commit_seconds", "session_timeout_seconds"),
        *("stop_seconds", "tick_seconds", "signup_wait_days", "standbys"),
    },
    "warehouse": {
        *("reports_host", "reports_port", "reports_private_host", "reports_private_port"),
        *("load_rows", "load_bytes", "load_delay_ms"),
    },
}
"""Exceptions that would change every deployment; there may be fewer, not more."""
UNITS: Final = ("_seconds", "_ms", "_bytes", "_days", "_rows", "_mb")
WITHOUT_UNIT: Final = {
    *("max_batch", "standbys", "secret_rate", "publishable_rate", "address_rate"),
    *("secret_event_rate", "publishable_event_rate", "address_event_rate"),
    *("worker_most_ended_referrals", "worker_most_referral_steps"),
}
"""Numbers of records, of copies, of referrals and steps, and of requests a second."""
COUNTS_AND_PORTS: Final = ("_port", "_concurrency")


@pytest.mark.parametrize("host", HOSTS)
def test_a_setting_begins_with_its_host(host: str) -> None:
    own = HOSTS[host].model_fields.keys() - Installation.model_fields.keys()
    without = {name for name in own if not name.startswith(f"{host}_")}
    assert without - SHARED - OF_OTHERS.get(host, set()) == WITHOUT_HOST.get(host, set())


@pytest.mark.parametrize("host", HOSTS)
def test_a_number_ends_with_its_unit(host: str) -> None:
    numbers = {
        name
        for name, field in HOSTS[host].model_fields.items()
        if isinstance(field.default, int | float) and not isinstance(field.default, bool)
    }
    without = {name for name in numbers if not name.endswith((*UNITS, *COUNTS_AND_PORTS))}
    assert without <= WITHOUT_UNIT

"""Parts of the dashboard that settings make."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from reftrail.warehouse.dashboard_parts import dashboard_parts
from reftrail.warehouse.settings import WarehouseSettings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "localhost:1")
    monkeypatch.setenv("REFTRAIL_CLICKHOUSE_PATH", str(tmp_path))
    return monkeypatch


def test_there_is_a_dashboard_with_a_secret_and_deciding_with_a_collector(
    environment: pytest.MonkeyPatch,
) -> None:
    assert dashboard_parts(WarehouseSettings()) is None
    environment.setenv("REFTRAIL_WAREHOUSE_SESSION_SECRET", "s" * 32)
    made = dashboard_parts(WarehouseSettings())
    assert made is not None
    assert (made.send_review, made.explain is None) == (None, False)
    environment.setenv("REFTRAIL_COLLECTOR_URL", "http://collector:6066")
    made = dashboard_parts(WarehouseSettings())
    assert made is not None
    assert made.send_review is not None


def test_a_secret_that_could_be_guessed_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REFTRAIL_WAREHOUSE_SESSION_SECRET", "s" * 31)
    with pytest.raises(ValidationError, match="at least 32 items"):
        WarehouseSettings()


def test_the_warehouse_knows_its_proxies(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REFTRAIL_TRUSTED_PROXIES", "10.0.0.0/8")
    assert [str(network) for network in WarehouseSettings().proxies] == ["10.0.0.0/8"]
    environment.setenv("REFTRAIL_TRUSTED_PROXIES", "nonsense")
    with pytest.raises(ValidationError, match="nonsense"):
        WarehouseSettings()

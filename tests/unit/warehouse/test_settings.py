import pytest
from pydantic import ValidationError

from reftrail.warehouse.settings import WarehouseSettings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFTRAIL_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    monkeypatch.setenv("REFTRAIL_SECRET_KEYS", "one, two")
    monkeypatch.delenv("REFTRAIL_CLICKHOUSE_URL", raising=False)
    monkeypatch.setenv("REFTRAIL_CLICKHOUSE_PATH", "/data")


def test_keys_are_comma_separated_and_do_not_show() -> None:
    settings = WarehouseSettings()

    assert [key.get_secret_value() for key in settings.secret_keys] == ["one", "two"]
    assert "two" not in repr(settings)


def test_there_is_no_key_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFTRAIL_SECRET_KEYS", " , ")

    assert WarehouseSettings().secret_keys == ()


def test_one_place_for_the_facts_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFTRAIL_CLICKHOUSE_URL", "http://localhost:8123/db")
    with pytest.raises(ValidationError, match="set one of REFTRAIL_CLICKHOUSE_PATH"):
        WarehouseSettings()

    monkeypatch.delenv("REFTRAIL_CLICKHOUSE_PATH")
    assert WarehouseSettings().clickhouse_path is None

    monkeypatch.delenv("REFTRAIL_CLICKHOUSE_URL")
    with pytest.raises(ValidationError, match="set one of REFTRAIL_CLICKHOUSE_PATH"):
        WarehouseSettings()

"""A user of a server who reads the warehouse. The embedded engine has no users: it parses alone."""

import hashlib
from pathlib import Path

import pytest
from pydantic import SecretStr
from support.clickhouse import ClickHouse

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.analyst_user import analyst_user
from reftrail.warehouse.settings import ClickHouseSettings


def on_server(url: str, cluster: str | None = None) -> ClickHouseSettings:
    return ClickHouseSettings(
        bootstrap_servers="b:1", clickhouse_url=SecretStr(url), clickhouse_cluster=cluster
    )


def parsed(clickhouse: ClickHouse, statement: str) -> str:
    asked = clickhouse.reading.query(
        "SELECT formatQuery({query:String})", parameters={"query": statement}
    )
    return str(asked.result_rows[0][0])


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("http://a:b@h:8123/facts", "facts"),
        ("http://a:b@h:8123/my%2Dfacts?compress=0", "`my-facts`"),
        ("http://a:b@h:8123", "default"),
    ],
)
def test_it_reads_the_warehouse_s_database_alone(
    clickhouse: ClickHouse, url: str, database: str
) -> None:
    user = analyst_user(on_server(url), "ann")

    made, granted = (parsed(clickhouse, statement) for statement in user.statements)
    assert granted == f"GRANT SELECT ON {database}.* TO ann"
    hashed = hashlib.sha256(user.password.encode()).hexdigest()
    assert made == (
        f"CREATE USER OR REPLACE ann IDENTIFIED WITH sha256_hash BY '{hashed}' SETTINGS "
        "readonly = 2, max_execution_time = 60 MAX 60, max_memory_usage = 2147483648 MAX 2147483648"
    )
    assert user.password not in made


def test_on_a_cluster_every_server_knows_it(clickhouse: ClickHouse) -> None:
    user = analyst_user(on_server("http://h:8123/facts", "main"), "ann")

    for statement in user.statements:
        assert "ON CLUSTER main" in parsed(clickhouse, statement)


def test_each_has_a_password_of_its_own() -> None:
    first, second = (analyst_user(on_server("http://h:8123"), "ann") for _ in range(2))

    assert first.password != second.password
    assert len(first.password) > 20


@pytest.mark.parametrize("name", ["", "1st", "ann; DROP USER admin", "o'neill", "x" * 65])
def test_a_name_that_would_need_quotes_is_refused(name: str) -> None:
    with pytest.raises(ExpectedError, match="give one like analyst"):
        analyst_user(on_server("http://h:8123"), name)


def test_the_embedded_engine_has_no_users() -> None:
    settings = ClickHouseSettings(bootstrap_servers="b:1", clickhouse_path=Path("x"))

    with pytest.raises(ExpectedError, match="use reftrail sql and export"):
        analyst_user(settings, "ann")

"""Plans of queries: those of the deep views take longer to make than to carry out."""

import pytest
from clickhouse_connect.driver.client import Client
from support.clickhouse import ClickHouse

from reftrail.warehouse.clickhouse import connect_for_analysts

NESTED = "SELECT b + 1 AS c FROM (SELECT a + 1 AS b FROM (SELECT number + 1 AS a FROM numbers(3)))"


def steps(client: Client, settings: str = "") -> int:
    plan = client.query(f"EXPLAIN pretty = 0, compact = 0 {NESTED} {settings}").result_rows
    return sum(line.strip().startswith("Expression (") for (line,) in plan)


@pytest.mark.parametrize("connection", ["writing", "reading", "analysts"])
def test_steps_of_nested_queries_are_not_merged(
    shared_clickhouse: ClickHouse, connection: str
) -> None:
    """To merge them takes a quarter of the processor time of a question of the views."""
    client = (
        connect_for_analysts(shared_clickhouse.path, shared_clickhouse.url)
        if connection == "analysts"
        else getattr(shared_clickhouse, connection)
    )

    assert steps(client) > 3
    if connection != "analysts":  # who may not change settings
        assert steps(client, "SETTINGS query_plan_merge_expressions = 1") == 1
    assert client.query(NESTED).result_rows == [(3,), (4,), (5,)]

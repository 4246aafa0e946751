"""Queries that fail while they answer, and the queries after them on the same connection."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from support.clickhouse import ClickHouse

GOOD: Final = "SELECT number AS a, 'good' AS b FROM numbers(2)"
FAILING: Final = {
    "it takes too long": (
        "SELECT number AS a, 'bad' AS b FROM numbers(100) WHERE sleepEachRow(0.1) = 0 "
        "SETTINGS max_block_size = 1, max_execution_time = 0.4"
    ),
    "it has too many rows": (
        "SELECT number AS a, 'bad' AS b FROM numbers(300000) "
        "SETTINGS max_result_rows = 200000, result_overflow_mode = 'throw'"
    ),
    "a row is bad": "SELECT number AS a, throwIf(number = 200000) AS b FROM numbers(300000)",
}
ASKING: Final[dict[str, Callable[[Client], Any]]] = {
    "rows": lambda client: client.query(GOOD).result_rows,
    "bytes": lambda client: client.raw_query(GOOD, fmt="JSONEachRow"),
    "words": lambda client: client.command("SELECT 'good'"),
}


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize("failing", FAILING)
def test_nothing_of_a_failed_query_is_in_the_next_answer(
    clickhouse: ClickHouse, failing: str, asking: str
) -> None:
    ask, client = ASKING[asking], clickhouse.reading
    expected = ask(client)
    for attempt in (client.query, lambda sql: client.raw_query(sql, fmt="JSONCompact")):
        with pytest.raises(ClickHouseError):
            attempt(FAILING[failing])
        assert ask(client) == expected


def test_an_error_right_after_a_failed_query_changes_nothing(clickhouse: ClickHouse) -> None:
    for sql in (*FAILING.values(), "SELECT", "SELECT nothing_of_this_name"):
        with pytest.raises(ClickHouseError):
            clickhouse.writing.query(sql)
    assert clickhouse.writing.query(GOOD).result_rows == [(0, "good"), (1, "good")]

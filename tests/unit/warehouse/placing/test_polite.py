"""Settings at the end of statements that place facts: ClickHouse goes by them."""

from typing import Final

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from support.clickhouse import ClickHouse, over_http

from reftrail.warehouse.placing.polite import POLITE

TABLE: Final = "polite.facts"
TWICE: Final = "SELECT 1 AS fact, getSetting('min_insert_block_size_rows') AS rows FROM numbers(2)"
"""A fact whose two rows an insert makes one of, where `optimize_on_insert` is set."""
AGAIN: Final = f"{TWICE} UNION ALL {TWICE.replace('1 AS fact', '2')}"


@over_http
@pytest.mark.parametrize("rows", [TWICE, AGAIN], ids=["a SELECT", "a UNION"])
@pytest.mark.parametrize("is_created", [True, False], ids=["CREATE TABLE", "INSERT"])
def test_a_statement_goes_by_its_settings(
    clickhouse: ClickHouse, rows: str, *, is_created: bool
) -> None:
    """By all of them: where a client's connection has another value too."""
    writing = clickhouse.beside("polite")
    made = f"CREATE TABLE {TABLE} ENGINE = ReplacingMergeTree ORDER BY fact"
    if is_created:
        writing.command(f"{made} AS {rows}{POLITE}")
    else:
        writing.command(f"{made} EMPTY AS {rows}")
        writing.command(f"INSERT INTO {TABLE} {rows}{POLITE}")

    found = clickhouse.rows(f"SELECT * FROM {TABLE} ORDER BY fact")

    assert found == [(fact + 1, 100_000) for fact in range(rows.count("SELECT"))]
    after = writing.query("SELECT getSetting('optimize_on_insert')").result_rows[0][0]
    assert not int(after)
    writing.command("DROP DATABASE polite")
    writing.close()


def test_a_setting_that_there_is_not_is_refused(clickhouse: ClickHouse) -> None:
    """So a misspelt one would be noticed."""
    with pytest.raises(ClickHouseError, match="UNKNOWN_SETTING"):
        clickhouse.writing.command(f"CREATE TABLE p ENGINE = Memory AS {TWICE}{POLITE}, maxx = 1")

"""Counters of one code, shown beside it where it is looked up."""

from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.reports.sql import sql

LONGEST_CODE: Final = 128


def code_counters(client: Client, code: str) -> dict[str, int]:
    """The numbers by the names of the columns of `queries/code/counters.sql`; blocks.

    A code that nobody knows has zeros. users_rewarded is what counts against a code's max_uses.
    """
    (row,) = client.query(sql("code/counters"), parameters={"code": code}).named_results()
    return {name: int(number) for name, number in row.items()}

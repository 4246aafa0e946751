"""Contents of the warehouse's tables, read and prepared in a process of their own.

One process at a time may have an embedded ClickHouse open. Merges are held back from the outset,
by a setting on the tables: where they run, they take a doubled insert away before anyone counts.
The warehouse itself runs as it is.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import msgspec
from clickhouse_connect.driver.client import Client
from support.environment import finding_tests

from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.topics import EVENTS, PUBLIC_TOPICS
from reftrail.local.held_process import output_of
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing
from reftrail.warehouse.tables import apply_ddl, table_of

_ASKED: Final = 10
_NO_MERGES: Final = (
    "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1, "
    "parts_to_delay_insert = 100000, parts_to_throw_insert = 100000"
)


class Facts(msgspec.Struct, frozen=True):
    """One table: how many rows are stored under each event_id, and under which a reader sees it.

    seen has an id as often as a reader (FINAL) gets it.
    """

    stored: dict[str, int]
    seen: dict[str, int]


class Balance(msgspec.Struct, frozen=True):
    """Balance that a user sees in one currency, of all kinds together."""

    user: str
    currency: str
    micros: int


class Stored(msgspec.Struct, frozen=True):
    """The tables by their topics' names, and the balances of those who have most entries."""

    tables: dict[str, Facts]
    balances: list[Balance]


def prepare(path: Path) -> None:
    """Make the tables of a new warehouse, such that nothing is ever merged in them."""
    _run("prepare", path)


def read(path: Path) -> Stored:
    """The contents of the warehouse. It must have ended."""
    return msgspec.json.decode(_run("read", path), type=Stored)


def _run(what: Literal["prepare", "read"], path: Path) -> bytes:
    command = [sys.executable, "-m", "crash.facts", what, str(path)]
    return output_of(command, {**os.environ, **finding_tests()})


def _prepare(path: Path) -> None:
    client = connect_for_writing(path, None)
    apply_ddl(client)
    for topic in PUBLIC_TOPICS:
        client.command(f"ALTER TABLE {table_of(topic).name} MODIFY SETTING {_NO_MERGES}")
    client.close()


def _read(path: Path) -> None:
    client = connect_for_reading(path, None)

    def counts(table: str) -> dict[str, int]:
        query = f"SELECT event_id, count() FROM {table} GROUP BY event_id"
        return {event_id: count for event_id, count in client.query(query).result_rows}  # noqa: C416

    facts = {}
    for topic in PUBLIC_TOPICS:
        name = table_of(topic).name
        if topic is EVENTS:  # what came twice was put beside when it was stored
            every = "(SELECT event_id FROM events UNION ALL SELECT event_id FROM duplicate_events)"
            facts[topic.name] = Facts(stored=counts(every), seen=counts(name))
        else:
            facts[topic.name] = Facts(stored=counts(name), seen=counts(f"{name} FINAL"))
    stored = Stored(facts, list(_balances(client)))
    sys.stdout.buffer.write(msgspec.json.encode(stored))
    client.close()


def _balances(client: Client) -> Iterator[Balance]:
    """As the view of a user tells them."""
    most = (
        "SELECT beneficiary FROM rewards WHERE beneficiary IS NOT NULL "
        f"GROUP BY beneficiary ORDER BY count() DESC, beneficiary LIMIT {_ASKED}"
    )
    for (user,) in client.query(most).result_rows:
        sums: Counter[str] = Counter()
        for balance in user_view(client, user, HistoryPage(1))["balance"]:
            sums[balance["currency"]] += int(Decimal(balance["balance"]) * MICROS_PER_UNIT)
        yield from (Balance(user, currency, micros) for currency, micros in sums.items())


if __name__ == "__main__":
    {"prepare": _prepare, "read": _read}[sys.argv[1]](Path(sys.argv[2]))

"""Upgrade of a warehouse that has the tables of the version before: its views say the same."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from support.clickhouse import ClickHouse, nowhere, over_http, part_of
from support.simulated import accepted

from reftrail.contracts.codec import container, encode
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, CONVERSIONS, EVENTS, REWARDS
from reftrail.simulator.simulation import Simulation
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY
from reftrail.warehouse.ddl_files import applied_files, apply_files, ddl_files
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.ledger import Counts, Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.tables import apply_ddl, table_of

pytestmark = over_http

BEFORE: Final = [file for file in ddl_files() if file.name < "036"]
"""Files of the version that stored every message and read events with FINAL."""
NEWER: Final = ("utm_source", "user_agent_family", "user_agent_os", "device_class")
"""Fields that no event had then."""
TOPICS: Final = (CAMPAIGNS, CODES, EVENTS, CONVERSIONS, ATTRIBUTIONS, REWARDS)


@pytest.fixture(scope="module")
def records() -> dict[Topic, list[Record]]:
    return _programme()


@pytest.fixture
def before(clickhouse: ClickHouse, records: dict[Topic, list[Record]]) -> Iterator[Client]:
    client = clickhouse.beside("upgraded")
    apply_files(client, BEFORE, applied_files(client))
    client.command("SYSTEM STOP MERGES events")  # they take doubled rows before they are counted
    for topic, loaded in records.items():
        for at in range(0, len(loaded), 400):
            _insert(client, topic, loaded[at : at + 400])
    yield client
    client.close()


def _programme() -> dict[Topic, list[Record]]:
    """Records of a decided programme, a tenth of the events twice, with other contents."""
    simulation = Simulation(1, 1_500, FIRST_DAY)
    events = [
        msgspec.structs.replace(event, **dict.fromkeys(NEWER)) for event in accepted(simulation)
    ]
    host = MemoryHost(partitions=2, batch=50, shuffle=Random(1), wire=False)
    host.publish(CAMPAIGNS, *simulation.programme.campaigns.values())
    host.publish(CODES, *simulation.programme.codes.values())
    host.publish(EVENTS, *events)
    host.run()
    again = [
        msgspec.structs.replace(event, received_at=event.received_at + 60_000, category="again")
        for event in Random(1).sample(events, len(events) // 10)
    ]
    found = {topic: list(host.log(topic)) for topic in TOPICS}
    found[EVENTS] = [*events, *again]
    return found


def _insert(client: Client, topic: Topic, records: list[Record]) -> None:
    for kind in {type(record) for record in records}:
        values = [encode(record) for record in records if type(record) is kind]
        name = table_of(topic, kind.__name__).name
        client.raw_insert(name, insert_block=container(values), fmt="Avro")


SAY_DUPLICATES = {"v_receipts", "v_other_receipts", "v_reconciliation"}


def figures(client: Client) -> dict[str, Any]:
    """What the views say of facts; duplicates are known since the upgrade alone."""
    return {
        name: [
            # Ids in an array have no order.
            tuple(sorted(value) if isinstance(value, list) else value for value in row)
            for row in client.query(f"SELECT * FROM {name} ORDER BY ALL").result_rows
        ]
        for name in VIEWS
        if name not in SAY_DUPLICATES
    }


async def test_the_views_say_what_a_new_warehouse_says(
    before: Client, clickhouse: ClickHouse, records: dict[Topic, list[Record]]
) -> None:
    for topic, loaded in records.items():
        for at in range(0, len(loaded), 400):
            await clickhouse.load(topic, loaded[at : at + 400])
    wanted = figures(clickhouse.writing)
    assert before.query("SELECT count() FROM events").result_rows == [(len(records[EVENTS]),)]
    assert len(wanted["v_events"]) < len(records[EVENTS])
    assert len(wanted["v_funnel_daily"]) > 20

    applied = apply_ddl(before)

    assert applied == [file.name for file in ddl_files() if file not in BEFORE]
    assert figures(before) == wanted
    assert before.query("SELECT count() FROM events").result_rows == [(len(wanted["v_events"]),)]


async def test_loads_from_before_are_not_missed_and_later_ones_are_compared(
    before: Client, records: dict[Topic, list[Record]]
) -> None:
    """Loads had numbers before the events that came in with them."""
    sent = records[EVENTS]
    work = Work(EVENTS, (part_of([encode(event) for event in sent]),))
    ledger = Ledger(before)
    ledger.open([work.load])
    ledger.close({work.load: Counts(len(sent), 0)})

    apply_ddl(before)
    assert _compared(before) == []

    later = part_of([encode(event) for event in sent[:3]], len(sent))
    await Loader(before, Ledger(before), nowhere, WarehouseMetrics()).load([Work(EVENTS, (later,))])
    assert _compared(before) == [("load 2", 3, 3)]


def _compared(client: Client) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in client.query(
            "SELECT id, expected, found FROM v_reconciliation WHERE check = 'events_stored'"
        ).result_rows
    ]

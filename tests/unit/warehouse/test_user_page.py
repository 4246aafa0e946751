"""Rows of users' pages: there with the rows that they repeat, after a crash and an upgrade too."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client
from support.clickhouse import ClickHouse, nowhere, over_http, part_of
from support.cut_short import Crash, CutShort
from support.programme import T0, attributed, campaign, code, milestone, users_merged
from support.user_ledger import LEDGER

from reftrail.contracts.codec import container, encode
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    CONVERSIONS,
    MILESTONES,
    REWARDS,
)
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view
from reftrail.warehouse.blocks import sort_out
from reftrail.warehouse.ddl_files import applied_files, apply_files, ddl_files
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.missing_rows import lacks_rows
from reftrail.warehouse.tables import apply_ddl, table_of

pytestmark = over_http

FIRST: Final = attributed("uma", "AMY")
RECORDS: Final[dict[Topic, Sequence[Record]]] = {
    CAMPAIGNS: [campaign("spring"), campaign("spring", version=2, effective_from=T0)],
    CODES: [
        code("AMY", "spring", owner_user_id="amy"),
        code("BOB", "spring", revision=1),
        code("BOB", "spring", owner_user_id="guest", revision=2),
        code("GONE", "spring", owner_user_id="amy", revision=1),
        code("GONE", "spring", owner_user_id="bob", revision=2),
    ],
    ATTRIBUTIONS: [
        FIRST,
        attributed("vic", "AMY"),
        attributed("uma", "BOB", corrects=FIRST.event_id),
        attributed("wes", "AMY", decisive=False),
    ],
    CONVERSIONS: [users_merged("guest", "amy")],
    MILESTONES: [milestone("bronze", "tier", 2, grants=2)],
    REWARDS: LEDGER,
}
LOST: Final = [topic for topic in RECORDS if topic is not REWARDS]


def pages(client: Client) -> list[dict[str, Any]]:
    return [user_view(client, user, HistoryPage()) for user in ("amy", "guest", "bob", "uma")]


def lines(client: Client) -> list[Any]:
    return list(client.query("SELECT * FROM user_page FINAL ORDER BY ALL").result_rows)


async def test_an_upgraded_warehouse_answers_as_a_new_one_also_after_a_crash_in_the_upgrade(
    clickhouse: ClickHouse,
) -> None:
    for topic, records in RECORDS.items():
        await clickhouse.load(topic, records)
    upgraded = clickhouse.beside("upgraded")
    before = [file for file in ddl_files() if file.name < "044"]
    apply_files(upgraded, before, applied_files(upgraded))
    for topic, records in RECORDS.items():
        values = container([encode(record) for record in records])
        upgraded.raw_insert(table_of(topic).name, insert_block=values, fmt="Avro")

    statements = ddl_files()[len(before)].statements()
    for statement in statements:
        upgraded.command(statement)  # as it is when the file's application isn't noted
    apply_ddl(upgraded)

    assert lines(upgraded) == lines(clickhouse.writing)
    assert pages(upgraded) == pages(clickhouse.writing)
    amy, guest, bob, _ = pages(upgraded)
    assert amy == guest
    assert {row["code"]: row["attributed"] for row in amy["codes"]} == {"AMY": 1, "BOB": 1}
    assert [row["code"] for row in bob["codes"]] == ["GONE"]
    assert amy["standing"][0]["tier"] == "bronze"
    upgraded.close()


@pytest.mark.parametrize("topic", LOST, ids=lambda topic: topic.name)
def test_lines_that_a_crash_has_lost_are_written_again(
    clickhouse: ClickHouse, topic: Topic
) -> None:
    """ClickHouse was killed after it had noted the token of a view's insert, before the rows."""
    work = Work(topic, (part_of([encode(record) for record in RECORDS[topic]]),))
    killed: Any = CutShort(clickhouse.writing, 3, after=False)  # the claim, the rows, the closing
    with pytest.raises(Crash):
        asyncio.run(_loader(killed).load([work]))
    expected = lines(clickhouse.writing)
    clickhouse.writing.command(
        "ALTER TABLE user_page DELETE WHERE about != ''", settings={"mutations_sync": 1}
    )
    assert expected
    assert lines(clickhouse.writing) == []

    asyncio.run(_loader(clickhouse.writing).recover(work))

    assert lines(clickhouse.writing) == expected


def test_a_merge_that_a_crash_has_lost_is_written_again(clickhouse: ClickHouse) -> None:
    """Its lines are written from `merges`, so without a row there none seemed to lack."""
    work = Work(CONVERSIONS, (part_of([encode(record) for record in RECORDS[CONVERSIONS]]),))
    killed: Any = CutShort(clickhouse.writing, 3, after=False)
    with pytest.raises(Crash):
        asyncio.run(_loader(killed).load([work]))
    expected = lines(clickhouse.writing)
    for table in ("merges", "user_page"):
        clickhouse.writing.command(
            f"ALTER TABLE {table} DELETE WHERE event_id != ''", settings={"mutations_sync": 1}
        )

    asyncio.run(_loader(clickhouse.writing).recover(work))

    assert len(expected) == 2
    assert lines(clickhouse.writing) == expected


async def test_a_line_that_a_later_one_has_replaced_does_not_lack(clickhouse: ClickHouse) -> None:
    """Parts of `user_page` may be merged before those of `codes`: nothing is inserted again."""
    first, second = (code("AMY", "spring", owner_user_id="amy", revision=n) for n in (1, 2))
    clickhouse.writing.command("SYSTEM STOP MERGES codes")
    await clickhouse.load(CODES, [second])
    await clickhouse.load(CODES, [first])
    clickhouse.writing.command("OPTIMIZE TABLE user_page FINAL")
    found = sort_out(CODES, [part_of([encode(first)])])

    assert len(clickhouse.rows("SELECT revision FROM codes")) == 2
    assert lacks_rows(clickhouse.writing, table_of(CODES), found.blocks[0]) is False
    clickhouse.writing.command("SYSTEM START MERGES codes")


def _loader(client: Any) -> Loader:
    return Loader(client, Ledger(client), nowhere, WarehouseMetrics())

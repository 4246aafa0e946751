"""Exactly once on the real engine: whatever fails at whichever step, each message is there once."""

from collections.abc import Sequence
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from support.clickhouse import ClickHouse, nowhere, over_http, part_of
from support.cut_short import Crash, CutShort

from reftrail.contracts.codec import FRAME, encode
from reftrail.contracts.conversions import Touched
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.events import Click
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REWARD_GRANTED,
    TOUCHES,
)
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.testing import to_fulfil, withdrawn
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.dead_letters import Bury
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics

pytestmark = over_http

BROKEN = encode(Click(event_id="broken", event_time=1, received_at=1, visitor_id="v"))[:-4]


def click(number: int, **fields: Any) -> Click:
    given: dict[str, Any] = {
        "event_time": 1_000,
        "received_at": 2_000,
        "visitor_id": f"v{number}",
    } | fields
    return Click(event_id=f"e{number}", **given)


def clicks(*numbers: int) -> list[bytes]:
    return [encode(click(number)) for number in numbers]


def loader(client: Any, bury: Bury = nowhere, *, with_tokens: bool = True) -> Loader:
    return Loader(client, Ledger(client), bury, WarehouseMetrics(), with_tokens=with_tokens)


def work(topic: Topic, *parts: Part) -> Work:
    return Work(topic, parts)


def kept_messages(batch: Sequence[Work], ledger: Ledger) -> list[Work]:
    """The messages of Kafka when the ranges that were left open are read again."""
    by_load = {work.load: work for work in batch}
    return [by_load[load] for load in ledger.unfinished()]


def place_of(work: Work) -> tuple[str, int]:
    return work.topic.name, work.parts[0].partition


async def restart(clickhouse: ClickHouse, batch: Sequence[Work], **kwargs: Any) -> None:
    """A new process: it finishes what is open, then takes what was not loaded at all."""
    ledger = Ledger(clickhouse.writing)
    again = loader(clickhouse.writing, **kwargs)
    for message in kept_messages(batch, ledger):
        await again.recover(message)
    done = ledger.positions()
    left = [
        work
        for work in batch
        if done.get(place_of(work), Position(0)).offset < work.parts[0].chunk.end
    ]
    await again.load(left)


BATCH = (
    work(EVENTS, part_of(clicks(1, 2, 3), 0, 0), part_of(clicks(4, 5), 0, 2)),
    work(
        CODES,
        part_of(
            [
                encode(
                    CodeChanged(
                        event_id="c1",
                        event_time=1,
                        received_at=1,
                        code="AMY",
                        campaign_id="k",
                        created_at=1,
                    )
                )
            ]
        ),
    ),
)

# Inserts of a batch of two topics: the ledger's open rows, the events, the codes, the closed rows.
STEPS = [(nth, after) for nth in (1, 2, 3, 4) for after in (False, True)]


def counted(clickhouse: ClickHouse) -> dict[str, int]:
    (row,) = clickhouse.rows("SELECT (SELECT count() FROM events), (SELECT count() FROM codes)")
    return {"events": row[0], "codes": row[1]}


@pytest.mark.parametrize(("nth", "after"), STEPS)
async def test_a_crash_at_any_step_neither_loses_nor_doubles(
    clickhouse: ClickHouse, nth: int, after: bool
) -> None:
    clickhouse.stop_merges()
    with pytest.raises(Crash):
        await loader(CutShort(clickhouse.writing, nth, after=after)).load(BATCH)

    await restart(clickhouse, BATCH)

    assert counted(clickhouse) == {"events": 5, "codes": 1}
    assert Ledger(clickhouse.writing).unfinished() == []
    assert clickhouse.rows("SELECT sum(messages) FROM loads FINAL") == [(6,)]


@pytest.mark.parametrize("crashes", [2, 3])
async def test_crashes_while_recovering_change_nothing(
    clickhouse: ClickHouse, crashes: int
) -> None:
    clickhouse.stop_merges()
    with pytest.raises(Crash):
        await loader(CutShort(clickhouse.writing, 2, after=True)).load(BATCH)
    for _ in range(crashes):
        ledger = Ledger(clickhouse.writing)
        with pytest.raises(Crash):
            await loader(CutShort(clickhouse.writing, 1, after=True)).recover(
                kept_messages(BATCH, ledger)[-1]
            )

    await restart(clickhouse, BATCH)

    assert counted(clickhouse) == {"events": 5, "codes": 1}


async def test_without_tokens_a_crash_doubles(clickhouse: ClickHouse) -> None:
    """The negative control: the tests above can fail."""
    clickhouse.stop_merges()
    with pytest.raises(Crash):
        await loader(CutShort(clickhouse.writing, 2, after=True), with_tokens=False).load(BATCH)

    await restart(clickhouse, BATCH, with_tokens=False)

    assert counted(clickhouse)["events"] == 10


async def test_rows_whose_token_was_noted_before_a_crash_are_not_lost(
    clickhouse: ClickHouse,
) -> None:
    """ClickHouse notes a token, then puts the rows in place; it may be killed in between."""
    clickhouse.stop_merges()
    with pytest.raises(Crash):
        await loader(CutShort(clickhouse.writing, 3, after=True)).load(BATCH)
    clickhouse.writing.command("SYSTEM START MERGES")
    clickhouse.writing.command("ALTER TABLE events DELETE WHERE 1", settings={"mutations_sync": 1})
    assert counted(clickhouse)["events"] == 0

    await restart(clickhouse, BATCH)

    assert counted(clickhouse) == {"events": 5, "codes": 1}


async def test_an_empty_stretch_of_the_log_is_no_load(clickhouse: ClickHouse) -> None:
    await loader(clickhouse.writing).load([work(EVENTS, part_of([], 7))])

    assert clickhouse.rows("SELECT count() FROM loads") == [(0,)]


class Graveyard:
    """The sink for letters that replaces the topic."""

    def __init__(self) -> None:
        self.letters: list[DeadLettered] = []

    async def bury(self, letters: Sequence[DeadLettered]) -> None:
        self.letters.extend(letters)


async def test_bad_messages_are_put_aside_and_the_rest_is_loaded(clickhouse: ClickHouse) -> None:
    graveyard = Graveyard()
    values = [*clicks(1), b"junk", *clicks(2), BROKEN, FRAME.pack(0, 777), None, *clicks(3)]

    await loader(clickhouse.writing, graveyard.bury).load(
        [work(EVENTS, part_of(values, begin=100, partition=2))]
    )

    assert clickhouse.rows("SELECT event_id FROM events ORDER BY event_id") == [
        ("e1",),
        ("e2",),
        ("e3",),
    ]
    assert sorted((letter.offset, letter.payload) for letter in graveyard.letters) == [
        (101, b"junk"),
        (103, BROKEN),
        (104, FRAME.pack(0, 777)),
        (105, None),
    ]
    (first,) = {
        (letter.topic, letter.partition, letter.stage, letter.reason)
        for letter in graveyard.letters
    }
    assert first == ("events", 2, "warehouse", "undecodable")
    assert clickhouse.rows("SELECT messages, dead_letters FROM loads FINAL") == [(7, 4)]


async def test_a_crash_after_the_letters_were_sent_sends_the_same_ones_again(
    clickhouse: ClickHouse,
) -> None:
    clickhouse.stop_merges()
    graveyard = Graveyard()
    batch = [work(EVENTS, part_of([*clicks(1), BROKEN, b"junk", *clicks(2)]))]
    # Open, the block that is refused, the block without the bad message, closed.
    with pytest.raises(Crash):
        await loader(CutShort(clickhouse.writing, 4, after=False), graveyard.bury).load(batch)

    await restart(clickhouse, batch, bury=graveyard.bury)

    assert counted(clickhouse)["events"] == 2
    assert len(graveyard.letters) == 4
    assert graveyard.letters[:2] == graveyard.letters[2:]


async def test_a_bad_dead_letter_is_not_put_aside_again(clickhouse: ClickHouse) -> None:
    await loader(clickhouse.writing, nowhere).load([work(DEAD_LETTERS, part_of([b"junk"]))])

    assert clickhouse.rows("SELECT messages, dead_letters FROM loads FINAL") == [(1, 1)]


async def test_a_refusal_that_no_message_explains_is_an_error(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("ALTER TABLE events ADD CONSTRAINT never CHECK 0")
    try:
        with pytest.raises(DatabaseError):
            await loader(clickhouse.writing).load([work(EVENTS, part_of(clicks(1)))])
    finally:
        clickhouse.writing.command("ALTER TABLE events DROP CONSTRAINT never")

    assert len(Ledger(clickhouse.writing).unfinished()) == 1


async def test_a_visitor_s_latest_touch_stays(clickhouse: ClickHouse) -> None:
    def touched(code: str, offset: int) -> Touched:
        return Touched(
            event_id=code,
            event_time=5_000 - offset,
            received_at=1,
            cause_topic="events",
            cause_partition=0,
            cause_offset=offset,
            cause_event_id=code,
            rules="1",
            visitor_id="v",
            type="click",
            code=code,
            touch_event_id=code,
            expires_at=9_000,
        )

    await clickhouse.load(TOUCHES, [touched("FIRST", 3), touched("SECOND", 8)])
    await clickhouse.load(TOUCHES, [touched("THIRD", 9)])

    assert clickhouse.rows("SELECT code FROM touches FINAL") == [("THIRD",)]


async def test_codes_and_campaigns_stand_as_last_changed(clickhouse: ClickHouse) -> None:
    def code(at: int, status: str) -> CodeChanged:
        return CodeChanged(
            event_id=f"c{at}",
            event_time=at,
            received_at=at,
            code="AMY",
            campaign_id="k",
            status=status,
            created_at=1,
            revision=at,
        )

    def campaign(at: int, version: int, name: str) -> CampaignDefined:
        return CampaignDefined(
            event_id=f"k{at}",
            event_time=at,
            received_at=at,
            campaign_id="k",
            version=version,
            effective_from=0,
            name=name,
        )

    await clickhouse.load(CODES, [code(2, "revoked"), code(1, "active")])
    await clickhouse.load(
        CAMPAIGNS, [campaign(1, 1, "a"), campaign(2, 1, "b"), campaign(3, 2, "c")]
    )

    assert clickhouse.rows("SELECT status FROM codes FINAL") == [("revoked",)]
    assert clickhouse.rows("SELECT name FROM campaigns FINAL ORDER BY version") == [("b",), ("c",)]


async def test_an_order_and_its_withdrawal_each_have_their_table(clickhouse: ClickHouse) -> None:
    order = to_fulfil("referee", "AMY", event_id="order").record()
    taken_back = withdrawn("referee", "AMY", 2, event_id="withdrawal").record()

    await clickhouse.load(REWARD_GRANTED, [order, taken_back, order])

    assert clickhouse.rows("SELECT event_id FROM reward_granted FINAL") == [("order",)]
    found = clickhouse.rows("SELECT event_id, remaining_micros FROM reward_withdrawn FINAL")
    assert found == [("withdrawal", 2_000_000)]


async def test_a_large_load_of_events_is_a_part_with_one_file_for_all_columns(
    clickhouse: ClickHouse,
) -> None:
    """With a file for each column it would open and sync more than two hundred."""
    large = [encode(click(number, properties="x" * 12_000)) for number in range(1_000)]

    await loader(clickhouse.writing).load([work(EVENTS, part_of(large))])

    assert clickhouse.rows(
        "SELECT part_type, sum(rows) FROM system.parts WHERE active "
        "AND database = currentDatabase() AND table = 'events' GROUP BY part_type"
    ) == [("Compact", 1_000)]

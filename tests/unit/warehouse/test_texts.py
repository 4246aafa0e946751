"""Texts that aren't UTF-8: their messages become dead letters, and nothing of them is stored."""

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from support.clickhouse import ClickHouse, over_http, part_of

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.events import Click
from reftrail.contracts.registry import latest
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import EVENTS, PUBLIC_TOPICS
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.tables import table_of

_CHECKED = re.compile(r"isValidUTF8\((?:ifNull\()?(\w+)")
_ALL_CHECKED = re.compile(r"arrayAll\(text -> isValidUTF8\(text\), (\w+)\)")
_ONE_COMPARISON = re.compile(r"CONSTRAINT texts_are_utf_8 CHECK \(.+?\) = 1(?:,|\))")
_NOT_LOADED = {"user_agent"}
"""Older records have it, and it stays out of the warehouse."""


def click(event_id: str, **fields: Any) -> bytes:
    return encode(
        Click(event_id=event_id, event_time=1_000, received_at=2_000, visitor_id="v1", **fields)
    )


def broken(message: bytes) -> bytes:
    """A message of the same length, a text of which has a byte that UTF-8 never has."""
    assert b"newsletter" in message
    return message.replace(b"newsletter", b"newsl\xfftter")


async def dead_letters(clickhouse: ClickHouse, *loads: Sequence[bytes]) -> list[DeadLettered]:
    """What becomes of loads of events, one after the other."""
    found: list[DeadLettered] = []

    async def bury(letters: Sequence[DeadLettered]) -> None:
        found.extend(letters)

    loader = Loader(clickhouse.writing, Ledger(clickhouse.writing), bury, WarehouseMetrics())
    begin = 0
    for values in loads:
        await loader.load([Work(EVENTS, (part_of(values, begin),))])
        begin += len(values)
    return found


@over_http
async def test_an_event_with_such_a_text_becomes_a_dead_letter(clickhouse: ClickHouse) -> None:
    values = [click("e1"), broken(click("e2", channel="newsletter")), click("e3", channel="Zoë")]

    (letter,) = await dead_letters(clickhouse, values)

    assert (letter.offset, letter.payload, letter.reason) == (1, values[1], "undecodable")
    assert "utf-8" in letter.detail
    assert clickhouse.rows("SELECT event_id, channel FROM events ORDER BY event_id") == [
        ("e1", None),
        ("e3", "Zoë"),
    ]


@pytest.mark.parametrize("field", ["event_id", "visitor_id", "code", "channel", "key_kind"])
async def test_it_does_whichever_text_it_is(clickhouse: ClickHouse, field: str) -> None:
    given: dict[str, Any] = {"event_id": "e2", "visitor_id": "v1", field: "newsletter"}
    message = broken(encode(Click(event_time=1_000, received_at=2_000, **given)))

    letters = await dead_letters(clickhouse, [click("e1"), message], [message, click("e3")])

    assert [letter.offset for letter in letters] == [1, 2]
    assert clickhouse.rows("SELECT event_id FROM events ORDER BY event_id") == [("e1",), ("e3",)]


@over_http
async def test_an_event_that_came_before_or_comes_again_does_too(clickhouse: ClickHouse) -> None:
    again = [broken(click(event_id, channel="newsletter")) for event_id in ("e1", "e2")]

    letters = await dead_letters(
        clickhouse, [click("e1"), again[1], click("e2")], [again[0], click("e1"), click("e3")]
    )

    assert [letter.offset for letter in letters] == [1, 3]
    assert clickhouse.rows("SELECT event_id FROM events ORDER BY event_id") == [
        ("e1",),
        ("e2",),
        ("e3",),
    ]
    assert clickhouse.rows("SELECT event_id FROM duplicate_events") == [("e1",)]


@pytest.mark.parametrize(
    ("topic", "record"),
    [(topic, record.__name__) for topic in PUBLIC_TOPICS for record in topic.records],
    ids=lambda given: given if isinstance(given, str) else given.name,
)
def test_every_text_of_a_record_is_looked_at(
    clickhouse: ClickHouse, topic: Topic, record: str
) -> None:
    fields = json.loads(latest(record).text)["fields"]
    kinds = {field["name"]: json.dumps(field["type"]) for field in fields}
    texts = {name for name, kind in kinds.items() if '"string"' in kind} - _NOT_LOADED
    tables = [table_of(topic, record).name, *(["duplicate_events"] if topic is EVENTS else [])]
    for table in tables:
        ((definition,),) = clickhouse.rows(
            f"SELECT create_table_query FROM system.tables WHERE database = 'default' "
            f"AND name = '{table}'"
        )
        checked = {*_CHECKED.findall(definition), *_ALL_CHECKED.findall(definition)} - {"text"}
        assert checked == texts, f"add what is new to the constraint of {table} in a new file"
        # Parts joined by AND alone are compared with each other at every change of the table.
        assert _ONE_COMPARISON.search(definition), definition


def test_clickhouse_and_python_agree_on_what_is_utf_8(clickhouse: ClickHouse) -> None:
    """Or a load would fail without any message that explains it."""
    following = bytes.fromhex("00 7f 80 8f 90 9f a0 bf c0 ff")
    every = range(256)
    texts = [
        *map(bytes, itertools.product(every, every)),
        *map(bytes, itertools.product(range(0xE0, 0x100), every, following)),
        *map(bytes, itertools.product(range(0xF0, 0x100), every, following, following)),
    ]
    hexes = "".join(f"{text.hex()}\n" for text in texts)
    clickhouse.writing.command("CREATE TABLE looked_at (number UInt32, hex String) ENGINE = Memory")
    try:
        rows = "".join(f"{n}\t{line}\n" for n, line in enumerate(hexes.split()))
        clickhouse.writing.raw_insert("looked_at", insert_block=rows, fmt="TSV")
        found = clickhouse.rows("SELECT number FROM looked_at WHERE isValidUTF8(unhex(hex))")
    finally:
        clickhouse.writing.command("DROP TABLE looked_at")

    assert {number for (number,) in found} == {
        number for number, text in enumerate(texts) if _is_decoded(text)
    }


def _is_decoded(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True

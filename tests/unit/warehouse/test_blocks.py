"""Messages to blocks: by schema, what can't be loaded set apart with the reason."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import fastavro
import pytest
from support.clickhouse import part_of

from reftrail.contracts.codec import FRAME, encode, encode_datum
from reftrail.contracts.events import Click
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.registry import WriterSchema, latest, schemas
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.warehouse.blocks import sort_out, unreadable


def click(number: int) -> Click:
    return Click(event_id=f"e{number}", event_time=1, received_at=2, visitor_id="v")


def datums(container: bytes) -> list[str]:
    rows: Iterable[Any] = fastavro.reader(BytesIO(container))
    return [row["event_id"] for row in rows]


@pytest.fixture
def next_event_schema(monkeypatch: pytest.MonkeyPatch) -> WriterSchema:
    """A version of Event with one more field, as a future release would bring it."""
    text = json.loads(latest("Event").text)
    text["fields"].append({"name": "mood", "type": ["null", "string"], "default": None})
    schema = WriterSchema(901, "Event", 2, json.dumps(text), fastavro.parse_schema(text))
    monkeypatch.setitem(schemas(), 901, schema)
    return schema


def test_messages_of_one_schema_become_one_block_in_order() -> None:
    parts = [part_of([encode(click(1)), encode(click(2))]), part_of([encode(click(3))], 0, 1)]

    found = sort_out(EVENTS, parts)

    assert [datums(block.container()) for block in found.blocks] == [["e1", "e2", "e3"]]
    assert not found.refused


def test_each_schema_has_its_block(next_event_schema: WriterSchema) -> None:
    newer = encode_datum(next_event_schema, _datum(click(2)) | {"mood": "glad"})

    found = sort_out(EVENTS, [part_of([encode(click(1)), newer, encode(click(3))])])

    assert {block.schema_id: datums(block.container()) for block in found.blocks} == {
        latest("Event").schema_id: ["e1", "e3"],
        901: ["e2"],
    }


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"", "shorter than the 5-byte frame"),
        (None, "shorter than the 5-byte frame"),
        (b"{}", "shorter than the 5-byte frame"),
        (b'{"json": 1}', "not the zero byte"),
        (FRAME.pack(0, 777) + b"x", "schema id 777 is not known"),
    ],
)
def test_what_is_not_framed_is_refused_with_its_place(value: bytes | None, says: str) -> None:
    found = sort_out(EVENTS, [part_of([encode(click(1)), value], begin=40, partition=3)])

    (refused,) = found.refused
    assert refused.place == LogPosition(3, 41)
    assert refused.value == value
    assert says in refused.detail
    assert [datums(block.container()) for block in found.blocks] == [["e1"]]


def test_a_record_of_another_topic_is_refused() -> None:
    code = CodeChanged(
        event_id="c", event_time=1, received_at=1, code="A", campaign_id="k", created_at=1
    )

    found = sort_out(EVENTS, [part_of([encode(code)])])

    assert [message.detail for message in found.refused] == [
        "expected a Event, found a CodeChanged"
    ]
    assert not found.blocks


def test_a_deletion_is_refused_only_where_topics_are_not_compacted() -> None:
    assert sort_out(CODES, [part_of([None])]).deletions == 1
    assert not sort_out(CODES, [part_of([None])]).refused
    assert len(sort_out(EVENTS, [part_of([None])]).refused) == 1


def test_bytes_that_do_not_read_are_found_by_the_schema_they_name() -> None:
    good = encode(click(1))
    parts = [part_of([good, good[:-3], good + b"\x00", b"junk", good])]

    found = unreadable(parts, latest("Event").schema_id)

    assert [message.place.offset for message in found] == [1, 2]
    assert "do not read as Event v5" in found[0].detail
    assert "go on after the end" in found[1].detail


def test_what_was_found_bad_can_be_left_out() -> None:
    parts = [part_of([encode(click(1)), encode(click(2))]), part_of([encode(click(3))], 0, 1)]

    found = sort_out(EVENTS, parts, without=[LogPosition(0, 1)])

    assert [datums(block.container()) for block in found.blocks] == [["e1", "e3"]]


def _datum(event: Click) -> dict[str, object]:
    return {"type": "click", "is_bot": False} | {
        name: getattr(event, name) for name in event.__struct_fields__
    }

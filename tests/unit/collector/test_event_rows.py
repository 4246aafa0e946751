"""Rows of events have what the schema has, and are written as dicts of it are."""

from typing import Any

import msgspec
from support.accepting import FULL, judged

from reftrail.collector.event_rows import EventRow, encode_row
from reftrail.contracts.codec import encode_datum
from reftrail.contracts.registry import latest


def test_a_row_has_the_fields_of_the_schema_in_their_order() -> None:
    parsed: Any = latest("Event").parsed
    assert list(EventRow.__struct_fields__) == [field["name"] for field in parsed["fields"]]


def test_a_row_is_written_as_its_fields_are() -> None:
    for accepted in judged(
        FULL | {"type": "purchase", "user_id": "u"},
        {"type": "view", "visitor_id": "v"},
        {"type": "refund", "user_id": "u", "order_id": "o", "amount": "1.50", "refund_id": "r"},
    ).accepted:
        fields = msgspec.structs.asdict(accepted.row)
        assert encode_row(accepted.row) == encode_datum(latest("Event"), fields)
        assert accepted.datum == fields

"""Columns of events that say which of them may matter."""

import pytest

from reftrail.contracts.codec import FRAME, encode
from reftrail.contracts.events import Click
from reftrail.engine.event_columns import event_columns

T0 = 1_790_000_000_000
EVENT_ID = "e1"
TYPE_AT = FRAME.size + 1 + len(EVENT_ID)
"""The place of the type in the message: behind the frame, and the event's id with its length."""

CLICK = encode(Click(event_id=EVENT_ID, event_time=T0, received_at=T0, visitor_id="v1", code="AMY"))


@pytest.mark.parametrize("number", [-1, -11, 60])
def test_a_type_that_there_is_not_is_seen(number: int) -> None:
    zigzag = number << 1 if number >= 0 else -number * 2 - 1
    broken = CLICK[:TYPE_AT] + bytes((zigzag,)) + CLICK[TYPE_AT + 1 :]
    assert event_columns([CLICK, CLICK]) is not None
    assert event_columns([CLICK, broken]) is None

"""Columns of messages: read only where each message is exactly one record of one schema."""

import pytest
from support.message_columns import columns_of

from reftrail.contracts.codec import Undecodable, decode, encode
from reftrail.contracts.events import Click, Event
from reftrail.contracts.external_inputs import Ticked


def click(number: int) -> Event:
    return Click(
        event_id=f"e{number}", event_time=number, received_at=number, visitor_id=f"v{number}"
    )


GOOD = [encode(click(number)) for number in range(4)]


def test_each_message_is_a_row() -> None:
    rows = columns_of(GOOD, ["event_id", "visitor_id"])
    assert rows is not None
    assert rows.columns == ["event_id", "visitor_id"]
    assert rows.rows() == [(f"e{number}", f"v{number}") for number in range(4)]
    whole = columns_of(GOOD)
    assert whole is not None
    assert whole["event_id"].to_list() == ["e0", "e1", "e2", "e3"]


def test_bytes_after_a_record_are_seen_wherever_it_is() -> None:
    for place in range(4):
        values = [*GOOD]
        values[place] += b"\x00"
        assert columns_of(values) is None


def test_a_record_behind_another_in_one_message_is_seen() -> None:
    """Else each row after it would be taken for another message."""
    for place in range(4):
        values = [*GOOD]
        values[place] += GOOD[0]
        assert columns_of(values) is None
        assert columns_of([*values[:3], b""]) is None


def test_a_record_cut_in_two_is_seen() -> None:
    assert columns_of([GOOD[0] + GOOD[1][:9], GOOD[1][9:], *GOOD[2:]]) is None


def test_another_schema_nothing_and_no_value_are_seen() -> None:
    ticked = encode(Ticked(event_id="t", event_time=1, received_at=1, partition=0, partitions=1))
    for other in (ticked, b"", None):
        assert columns_of([GOOD[0], other, *GOOD[1:]]) is None


@pytest.mark.parametrize("branch", [3, 4, 5, 0x7F])
def test_a_branch_that_a_union_does_not_have_is_seen(branch: int) -> None:
    """The decoder refuses such a record, so that it becomes a dead letter."""
    known = b"\x02\x04v1"  # the second branch, a text of two bytes
    assert known in GOOD[1]
    broken = GOOD[1].replace(known, bytes((branch,)) + known[1:])
    with pytest.raises(Undecodable):
        decode(broken)
    assert columns_of([GOOD[0], broken, *GOOD[2:]]) is None

"""Records that a worker wrote and reads again."""

import pytest

from reftrail.contracts.codec import Undecodable, encode
from reftrail.engine.written_records import WrittenRecords
from reftrail.testing import converted

RECORD = converted("signup", at="10:00").record()


def test_a_record_that_was_written_here_is_the_same_one_once() -> None:
    written = WrittenRecords()
    value = encode(RECORD)
    written.keep(value, RECORD)
    again = bytes(bytearray(value))
    assert written.decoded(again) is RECORD
    decoded = written.decoded(again)
    assert decoded is not RECORD
    assert decoded == RECORD


def test_the_oldest_makes_room() -> None:
    written = WrittenRecords(most=1)
    other = converted("signup", at="11:00").record()
    written.keep(encode(RECORD), RECORD)
    written.keep(encode(other), other)
    assert written.decoded(encode(other)) is other
    assert written.decoded(encode(RECORD)) is not RECORD


def test_other_values_are_decoded() -> None:
    written = WrittenRecords()
    assert written.decoded(encode(RECORD)) == RECORD
    for value in (None, b"", b"garbage"):
        with pytest.raises(Undecodable):
            written.decoded(value)

"""Records that a worker's stages wrote for each other, so that they needn't be decoded."""

from typing import Final

from reftrail.contracts.codec import decode
from reftrail.contracts.record import Record

_MOST: Final = 20_000
"""Records that are kept at most, of some 1 kB each: more than transactions in progress have."""


class WrittenRecords:
    """The records that were encoded last, by their bytes.

    Most of what a stage writes for another one comes back from the broker within a moment. A value
    with the same bytes is the same record, so it doesn't matter who wrote it, and whether what is
    kept here was committed. What doesn't come back makes room for what follows.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._records: dict[bytes, Record] = {}
        self._most = most

    def keep(self, value: bytes, record: Record) -> None:
        """Keep a record that value was encoded from."""
        self._records[value] = record
        if len(self._records) > self._most:
            del self._records[next(iter(self._records))]

    def decoded(self, value: bytes | None) -> Record:
        """The record in a message value, which is forgotten here. Raises `Undecodable`."""
        record = self._records.pop(value, None) if value is not None else None
        return decode(value) if record is None else record

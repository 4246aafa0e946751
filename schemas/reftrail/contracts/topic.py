"""A topic: what it carries, under which key, for how long, and who uses it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from reftrail.contracts.partitions import partition_of
from reftrail.contracts.record import Millis, Record

DEFAULT_PREFIX: Final = "referral."
FOR_GOOD: Final[Millis] = -1


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One row of the table, the same only as itself.

    name lacks the installation's prefix. key says in words what key_of computes. partitioned_by,
    where given, computes the part of the key that decides on the partition: `code:user` topics
    are partitioned by the code alone, so that whatever concerns a code meets in one place. kept
    is a retention time, or FOR_GOOD; a compacted topic keeps the last record of each key for
    good. record None: a stage's own state; Record: records of several types. also are further types
    of a topic of one main type. public topics go to the warehouse.
    """

    name: str
    key: str
    record: type[Record] | None
    written_by: str
    read_by: tuple[str, ...]
    key_of: Callable[[Any], str]
    kept: Millis = FOR_GOOD
    compacted: bool = False
    partitioned_by: Callable[[str], str] = str
    public: bool = True
    also: tuple[type[Record], ...] = ()

    @property
    def records(self) -> tuple[type[Record], ...]:
        """The types of records that it carries, where they are stated one by one."""
        return () if self.record is None else (self.record, *self.also)

    def partition(self, key: str, partitions: int) -> int:
        """The partition of a key, if the topic has so many partitions."""
        return partition_of(self.partitioned_by(key), partitions)

    def full_name(self, prefix: str) -> str:
        """The name on the broker."""
        return prefix + self.name

"""Ledger of loads: ranges of offsets, opened before an insert and closed after it.

Batches have numbers, and each number is claimed once: the claim is an insert under a token that
follows from the number, so of two warehouses that claim it ClickHouse keeps the first one's rows.
The other one sees that they aren't its own, inserts nothing, and ends. So two warehouses that run
side by side for a while neither lose nor double anything; what one left open, another finishes.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.kafka.log_bounds import Position, RecordMark
from reftrail.warehouse.clickhouse import insert_rows

_NO_RECORD: Final = RecordMark(-1, 0, 0)
_EVENTS_NUMBERED: Final = "036_events_by_campaign.sql"
"""The DDL file since which events have their load's number."""


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Positions of one partition, end excluded. Not each of them need hold a message."""

    partition: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Load:
    """Messages of one topic (named without prefix) that are inserted together."""

    topic: str
    ranges: tuple[Range, ...]

    @property
    def token(self) -> str:
        """The same for the same ranges: ClickHouse drops an insert whose token it knows."""
        ranges = ",".join(f"{r.partition}:{r.begin}-{r.end}" for r in self.ranges)
        return f"{self.topic}/{ranges}"


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of a load's messages, and of dead letters among them.

    last has the mark of the last message of each of its partitions that had any.
    """

    messages: int
    dead_letters: int
    last: Mapping[int, RecordMark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """A topic as it is on the broker. topic_id tells it from one made later under its name."""

    topic: str
    full_name: str
    topic_id: str
    cluster_id: str


_PATIENCE_SECONDS: Final = 1.0
"""Until rows must be there whose token ClickHouse knows."""


class ClaimedByAnotherError(ExpectedError):
    """Another warehouse has claimed the number of a load, or has closed a load that was open."""


class Ledger:
    """The tables `loads` and `sources`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._next: int | None = None
        self._numbers: dict[Load, int] = {}
        self._claimed_before: dict[Load, str] = {}

    def open(self, loads: Iterable[Load]) -> None:
        """Note what is about to be inserted, under the number that follows the known positions.

        Raises `ClaimedByAnotherError` if another warehouse has claimed it.
        """
        number = self.next_number() if self._next is None else self._next
        wanted = list(loads)
        rows = self._rows(dict.fromkeys(wanted, Counts(0, 0)), number, closed=False)
        if not self._claimed(number):
            insert_rows(self._client, "loads", rows, token=f"claim {number}")
        if not (found := self._claimed(number)):
            # Known as inserted and not there: another's insert under way, or the server was killed.
            time.sleep(_PATIENCE_SECONDS)
            if not (found := self._claimed(number)):
                insert_rows(self._client, "loads", rows, token=f"claim {number} again")
                found = self._claimed(number)
        if found != {load.token for load in wanted}:
            raise _by_another(f"claimed load {number} ({', '.join(sorted(found))})")
        self._numbers |= dict.fromkeys(wanted, number)
        self._next = number + 1

    def begin_at(self, number: int) -> None:
        """Give the next load this number, which must be larger than those of all before."""
        self._next = number

    def number_of(self, load: Load) -> int:
        """The number under which a load is open, whichever instance has opened it.

        Raises `ClaimedByAnotherError` if another warehouse has closed it.
        """
        self._learn([load])
        return self._numbers[load]

    def is_unnumbered(self, load: Load) -> bool:
        """Whether an open load was claimed before events had the number of their load.

        Raises `ClaimedByAnotherError` if another warehouse has closed it.
        """
        self._learn([load])
        return load in self._claimed_before

    def close(self, loads: Mapping[Load, Counts]) -> None:
        """Note that it was inserted, dead letters included.

        A load from before events had numbers keeps the time of its claim: nothing can be compared.
        Raises `ClaimedByAnotherError` if another warehouse has closed one of them.
        """
        self._learn(loads)
        rows = [
            row | self._claim_time(load)
            for load, counts in loads.items()
            for row in self._rows({load: counts}, self._numbers.pop(load), closed=True)
        ]
        if rows:
            insert_rows(self._client, "loads", rows)

    def _learn(self, loads: Collection[Load]) -> None:
        """Learn the numbers of loads that another instance has opened."""
        if all(load in self._numbers for load in loads):
            return
        self.unfinished()
        if closed := [load.token for load in loads if load not in self._numbers]:
            raise _by_another(f"finished the load {', '.join(closed)}")

    def positions(self) -> dict[tuple[str, int], Position]:
        """The positions up to which topics and partitions are loaded."""
        self._next = self.next_number()
        rows = self._client.query(
            "SELECT topic, partition, max(to_offset), "
            "argMax((last_offset, last_timestamp, last_checksum), (last_offset >= 0, to_offset)) "
            "FROM loads FINAL WHERE closed = 1 GROUP BY topic, partition"
        ).result_rows
        return {
            (topic, partition): Position(end, RecordMark(*last) if last[0] >= 0 else None)
            for topic, partition, end, last in rows
        }

    def unfinished(self) -> list[Load]:
        """The loads that were opened and not closed: a crash lies between."""
        rows = self._client.query(
            "SELECT number, topic, load, groupArray((partition, from_offset, to_offset)), "
            "toString(min(written_at)), min(written_at) < ("
            "SELECT max(applied_at) FROM ddl_applied WHERE name = {numbered:String}) "
            "FROM loads FINAL WHERE closed = 0 GROUP BY number, topic, load ORDER BY number, topic",
            parameters={"numbered": _EVENTS_NUMBERED},
        ).result_rows
        loads = []
        for number, topic, token, ranges, claimed_at, is_unnumbered in rows:
            load = Load(topic, tuple(sorted(Range(*bounds) for bounds in ranges)))
            if load.token != token:
                raise RuntimeError(f"the ledger's load {token} has only the ranges {ranges}")
            loads.append(load)
            self._numbers[load] = number
            if is_unnumbered:
                self._claimed_before[load] = claimed_at
        return loads

    def claim(self, sources: Iterable[Source]) -> None:
        """Make this the warehouse of these topics; raises `ExpectedError` if it is of others."""
        rows = self._client.query(
            "SELECT topic, full_name, topic_id, cluster_id FROM sources"
        ).result_rows
        known = {row[0]: Source(*row) for row in rows}
        new = []
        for source in sources:
            if source.topic not in known:
                new.append(source)
            elif source != known[source.topic]:
                raise ExpectedError(_why_refused(source, known[source.topic]))
        if new:
            insert_rows(self._client, "sources", map(asdict, new))

    def next_number(self) -> int:
        """The first number that is claimed and not closed, or else the first that isn't claimed."""
        rows = self._client.query(
            "SELECT if(countIf(closed = 0) > 0, minIf(number, closed = 0), max(number) + 1) "
            "FROM loads FINAL"
        ).result_rows
        return int(rows[0][0])

    def _claim_time(self, load: Load) -> dict[str, str | int]:
        claimed_at = self._claimed_before.get(load)
        return {} if claimed_at is None else {"written_at": claimed_at}

    def _claimed(self, number: int) -> set[str]:
        """The loads under a number."""
        rows = self._client.query(
            f"SELECT DISTINCT load FROM loads WHERE number = {number:d}"  # noqa: S608
        ).result_rows
        return {token for (token,) in rows}

    @staticmethod
    def _rows(
        loads: Mapping[Load, Counts], number: int, *, closed: bool
    ) -> list[dict[str, str | int]]:
        return [
            {"number": number, **_row(load, place, counts, closed=closed)}
            for load, counts in loads.items()
            for place in range(len(load.ranges))
        ]


def _by_another(done: str) -> ClaimedByAnotherError:
    """The error of a warehouse that finds what another one has done beside it."""
    return ClaimedByAnotherError(
        f"another warehouse loads into this ClickHouse, too: it has {done}. "
        f"Nothing is lost or doubled; let one of them run"
    )


def _row(load: Load, place: int, counts: Counts, *, closed: bool) -> dict[str, str | int]:
    """A load's counts stand with its first range, so that sums over the ledger are right."""
    loaded = load.ranges[place]
    last = counts.last.get(loaded.partition, _NO_RECORD)
    return {
        "topic": load.topic,
        "partition": loaded.partition,
        "from_offset": loaded.begin,
        "to_offset": loaded.end,
        "load": load.token,
        "closed": int(closed),
        "messages": 0 if place else counts.messages,
        "dead_letters": 0 if place else counts.dead_letters,
        "last_offset": last.offset,
        "last_timestamp": last.timestamp,
        "last_checksum": last.checksum,
    }


def _why_refused(now: Source, before: Source) -> str:
    if (now.cluster_id, now.full_name) != (before.cluster_id, before.full_name):
        return (
            f"this warehouse holds the installation {before.full_name} on Kafka cluster "
            f"{before.cluster_id}, but is now pointed at {now.full_name} on {now.cluster_id}; "
            f"give each installation a warehouse of its own (REFTRAIL_CLICKHOUSE_PATH or _URL)"
        )
    return (
        f"topic {now.full_name} was deleted and made again since this warehouse last read it, so "
        f"its offsets mean something else now; start with a new, empty warehouse"
    )

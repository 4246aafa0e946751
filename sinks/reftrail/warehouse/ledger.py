"""Ledger of loads: ranges of offsets, opened before an insert and closed after it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.kafka.log_bounds import Position, RecordMark
from reftrail.warehouse.clickhouse import insert_rows

_NO_RECORD: Final = RecordMark(-1, 0, 0)


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


class Ledger:
    """The tables `ledger` and `sources`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def open(self, loads: Iterable[Load]) -> None:
        """Note what is about to be inserted."""
        self._write(dict.fromkeys(loads, Counts(0, 0)), closed=False)

    def close(self, loads: Mapping[Load, Counts]) -> None:
        """Note that it was inserted, dead letters included."""
        self._write(loads, closed=True)

    def positions(self) -> dict[tuple[str, int], Position]:
        """How far each topic and partition is loaded that something was loaded of."""
        rows = self._client.query(
            "SELECT topic, partition, max(to_offset), "
            "argMax((last_offset, last_timestamp, last_checksum), (last_offset >= 0, to_offset)) "
            "FROM ledger FINAL WHERE closed = 1 GROUP BY topic, partition"
        ).result_rows
        return {
            (topic, partition): Position(end, RecordMark(*last) if last[0] >= 0 else None)
            for topic, partition, end, last in rows
        }

    def unfinished(self) -> list[Load]:
        """The loads that were opened and not closed: a crash lies between."""
        rows = self._client.query(
            "SELECT topic, load, groupArray((partition, from_offset, to_offset)) "
            "FROM ledger FINAL WHERE closed = 0 GROUP BY topic, load ORDER BY topic"
        ).result_rows
        loads = []
        for topic, token, ranges in rows:
            load = Load(topic, tuple(sorted(Range(*one) for one in ranges)))
            if load.token != token:
                raise RuntimeError(f"the ledger's load {token} has only the ranges {ranges}")
            loads.append(load)
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

    def _write(self, loads: Mapping[Load, Counts], *, closed: bool) -> None:
        rows = [
            _row(load, place, counts, closed=closed)
            for load, counts in loads.items()
            for place in range(len(load.ranges))
        ]
        if rows:
            insert_rows(self._client, "ledger", rows)


def _row(load: Load, place: int, counts: Counts, *, closed: bool) -> dict[str, str | int]:
    """A load's counts stand with its first range, so that sums over the ledger are right."""
    one = load.ranges[place]
    last = counts.last.get(one.partition, _NO_RECORD)
    return {
        "topic": load.topic,
        "partition": one.partition,
        "from_offset": one.begin,
        "to_offset": one.end,
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

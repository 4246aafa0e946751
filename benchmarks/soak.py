"""Memory of a worker over simulated days of constant traffic: what goes again, and what stays.

All stages of one partition, with the worker's own stores, without Kafka. Every day as many visitors
click a code; a quarter of them sign up and buy, and as many customers buy (and some return an
order) who never sign up. Cells that are only remembered for a time must be constant in number once
the longest time has passed (`SETTLED` days). The others grow with what they are for, by the same
number every day.

    python benchmarks/soak.py [--days 800] [--visitors 400]
"""

import argparse
import gc
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psutil

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click, Event, Purchase, Refund, Signup
from reftrail.contracts.policy import Caps, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import EVENTS, TICKS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.lookups import recorder_for
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.ticker import tick
from reftrail.engine.topology import TOPOLOGY

START: Final = 1_790_000_000_000 // DAY * DAY
SETTLED: Final = 440
"""Days after which everything has been forgotten that ever is: the limits of a day are remembered
the longest."""

TICKS_A_DAY: Final = 4
CODES: Final = 20
BATCH: Final = 2_000


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Cells of a stage that are alike, and whether they are remembered for a time only."""

    stage: str
    what: str
    goes: bool


@dataclass(frozen=True, slots=True)
class Day:
    """Cells and their bytes (keys and values) by kind, and resident bytes, after a day."""

    day: int
    cells: Counter[Kind]
    sizes: Counter[Kind]
    resident: int

    def total(self, *, goes: bool) -> tuple[int, int]:
        """Number and bytes of the cells that go, or of those that stay."""
        return (
            sum(count for kind, count in self.cells.items() if kind.goes == goes),
            sum(size for kind, size in self.sizes.items() if kind.goes == goes),
        )


class Pipeline:
    """All stages of one partition: what one writes, the others read."""

    def __init__(self) -> None:
        tables = ReferenceTables(_programme())
        self._tables = tables
        self._stages = [
            (StageOfPartition(stage, 0, 1), StateStore(stage), recorder_for(stage.name, tables))
            for stage in TOPOLOGY
        ]
        self._waiting: defaultdict[str, list[tuple[bytes, bytes | None]]] = defaultdict(list)
        self._ends: Counter[str] = Counter()

    def publish(self, topic: Topic, *records: Record) -> None:
        """Append records to a topic."""
        self._waiting[topic.name] += [
            (topic.key_of(record).encode(), encode(record)) for record in records
        ]

    def run(self, at: Millis) -> None:
        """Decide on everything there is, at the broker's time."""
        reads = {work.stage.reads.name for work, _, _ in self._stages}
        while any(self._waiting[name] for name in reads):
            for work, store, lookups in self._stages:
                name = work.stage.reads.name
                batch = self._waiting[name][:BATCH]
                del self._waiting[name][:BATCH]
                begin = self._ends[name]
                self._ends[name] = end = begin + len(batch)
                offsets = list(range(begin, end))
                keys: list[bytes | None] = [key for key, _ in batch]
                chunk = Chunk(begin, end, offsets, [at] * len(batch), keys, [v for _, v in batch])
                outcome = work.decide(chunk, store, self._tables, None, lookups)
                store.apply(outcome.changes, outcome.due_times)
                if lookups is not None:
                    lookups.accept()
                for (topic, _), messages in outcome.messages.items():
                    if topic.name in reads:
                        self._waiting[topic.name] += messages

    def day(self, day: int) -> Day:
        """The cells that are kept after a day."""
        cells: Counter[Kind] = Counter()
        sizes: Counter[Kind] = Counter()
        for work, store, _ in self._stages:
            for key, packed in store.packed.items():
                kind = _kind(work.stage.name, key)
                cells[kind] += 1
                sizes[kind] += len(key.encode()) + len(packed)
        gc.collect()
        return Day(day, cells, sizes, psutil.Process().memory_info().rss)


def _kind(stage: str, key: str) -> Kind:
    what, goes = _named(stage, key.split(":"))
    return Kind(stage, what, goes)


def _named(stage: str, parts: list[str]) -> tuple[str, bool]:
    named = {
        "touch": ("visitor", True),
        "velocity": (parts[0], True),
        "limits": (parts[0], parts[0].endswith("_per_day")),
        "attribution": (f":{parts[1]}:", parts[1] != "d") if len(parts) > 1 else ("user", False),
        "milestone": ("beneficiary", False),
    }
    if stage in named:
        return named[stage]
    if len(parts) > 2:
        return f":{parts[2]}:", parts[2] in "dw"
    return ("code", "referral")[len(parts) - 1], False


def soak(days: int, visitors: int, every: int = 1) -> Iterator[Day]:
    """The cells that are kept, after every so many days."""
    pipeline = Pipeline()
    for day in range(days):
        for nth in range(TICKS_A_DAY):
            at = START + day * DAY + nth * DAY // TICKS_A_DAY
            pipeline.publish(TICKS, tick(at, 0, 1))
            pipeline.publish(EVENTS, *_events(day, nth, visitors, at))
            pipeline.run(at + 3 * HOUR)
        if (day + 1) % every == 0:
            yield pipeline.day(day + 1)


def _programme() -> Iterator[Record]:
    common: dict[str, Any] = {"event_time": START, "received_at": START}
    policy = Policy(caps=Caps(per_referrer_per_day=1_000, per_code_per_day=1_000))
    yield CampaignDefined(
        **common,
        event_id="spring",
        campaign_id="spring",
        version=1,
        effective_from=0,
        name="spring",
        trigger=Trigger.FIRST_PURCHASE,
        referrer_reward_micros=5 * MICROS_PER_UNIT,
        referee_reward_micros=5 * MICROS_PER_UNIT,
        policy=policy_text(policy),
    )
    for n in range(CODES):
        yield CodeChanged(
            **common,
            event_id=f"code {n}",
            code=f"CODE{n}",
            campaign_id="spring",
            owner_user_id=f"owner {n}",
            created_at=START,
        )


def _events(day: int, nth: int, visitors: int, at: Millis) -> Iterator[Event]:
    for n in range(nth, visitors, TICKS_A_DAY):
        name = f"{day}-{n}"
        yield _click(name, at, f"CODE{n % CODES}")
        if nth == 0:
            yield from _customer(name, at)
        elif nth == 1:
            yield from _passer_by(name, at, returns=n % 8 == 1)


def _common(name: str, what: str, at: Millis) -> dict[str, Any]:
    return {"event_id": f"{what} {name}", "event_time": at, "received_at": at}


def _click(name: str, at: Millis, code: str) -> Click:
    common = _common(name, "click", at)
    return Click(**common, visitor_id=f"visitor {name}", code=code, campaign_id="spring")


def _customer(name: str, at: Millis) -> Iterator[Event]:
    """Somebody who signs up and buys."""
    signals: dict[str, Any] = {
        f"{kind}_hash": f"{kind} {name}" for kind in ("ip", "network", "device", "email")
    }
    visitor, user = f"visitor {name}", f"user {name}"
    common = _common(name, "signup", at + HOUR)
    yield Signup(**common, visitor_id=visitor, user_id=user, **signals)
    yield _purchase(name, user, at + 2 * HOUR)


def _passer_by(name: str, at: Millis, *, returns: bool) -> Iterator[Event]:
    """Somebody who buys without ever signing up, and may return what was bought."""
    user = f"passer-by {name}"
    yield _purchase(name, user, at + HOUR)
    if returns:
        common = _common(name, "refund", at + 2 * HOUR)
        yield Refund(**common, user_id=user, order_id=f"order {name}")


def _purchase(name: str, user: str, at: Millis) -> Purchase:
    return Purchase(
        **_common(name, "purchase", at),
        user_id=user,
        order_id=f"order {name}",
        amount_micros=50 * MICROS_PER_UNIT,
        currency="USD",
    )


def main() -> None:
    """Print a line for every so many days, and what each kind of cell comes to in the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=800)
    parser.add_argument("--visitors", type=int, default=400)
    parser.add_argument("--every", type=int, default=40)
    options = parser.parse_args()
    print("   day   cells that go     bytes   cells that stay     bytes   resident bytes")
    last = None
    for last in soak(options.days, options.visitors, options.every):
        (going, going_bytes), (staying, bytes_) = last.total(goes=True), last.total(goes=False)
        print(
            f"{last.day:6} {going:15} {going_bytes:9} {staying:17} {bytes_:9} {last.resident:16}",
            flush=True,
        )
    assert last is not None
    for kind in sorted(last.cells):
        count, each = last.cells[kind], last.sizes[kind] / last.cells[kind]
        lasting = "for a time" if kind.goes else "for ever"
        print(f"{kind.stage:12} {kind.what:26} {count:9} cells, {each:5.0f} bytes, {lasting}")


if __name__ == "__main__":
    main()

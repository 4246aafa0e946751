"""Purchases of customers who never sign up, through the attribution stage in memory.

Every customer buys so many times on the first day; then ticks say that 31 days have gone by. The
figures are bytes of keys and packed values: of the state, and of what is written to the changelog.
A process of its own, since it also tells the growth of resident memory. It runs under the sources
of another version too, given by PYTHONPATH; a stage that takes no ticks is measured without.

With --days the purchases of each customer are spread over so many days instead, with ticks all
along, so that purchases come and go: 30 days' worth of them waits at any time.

    python benchmarks/orders_waiting.py [--customers 20000] [--purchases 50] [--days 600]
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Iterator
from typing import Final

import psutil

from reftrail.contracts.codec import encode
from reftrail.contracts.conversions import Converted
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import DAY, Record
from reftrail.contracts.topics import DEAD_LETTERS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.outcome import Outcome
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.ticker import tick
from reftrail.engine.topology import STAGES

START: Final = 1_790_000_000_000
BATCH: Final = 1_000
EDGE: Final = 10
"""The number of first purchases of a customer that are compared with as many last ones."""


class Attribution:
    """The attribution stage of one partition, with its state and what it has written."""

    def __init__(self) -> None:
        self.work = StageOfPartition(STAGES["attribution"], 0, 1)
        self.store = StateStore(self.work.stage)
        self.changelog_bytes = 0
        self.dead_letter_bytes = 0
        self.cpu_seconds = 0.0
        self._end = 0
        self._reference = ReferenceTables()

    def take(self, records: list[Record]) -> Outcome:
        """Decide on a batch."""
        begin, self._end = self._end, self._end + len(records)
        chunk = Chunk(
            begin,
            self._end,
            list(range(begin, self._end)),
            [0] * len(records),
            [None] * len(records),
            [encode(record) for record in records],
        )
        started = time.process_time()
        outcome = self.work.decide(chunk, self.store, self._reference)
        if (due_times := getattr(outcome, "due_times", None)) is None:
            self.store.apply(outcome.changes)  # a version from before outcomes had them
        else:
            self.store.apply(outcome.changes, due_times)
        self.cpu_seconds += time.process_time() - started
        assert self.work.stage.changelog is not None
        self.changelog_bytes += _written(outcome, self.work.stage.changelog.name)
        self.dead_letter_bytes += _written(outcome, DEAD_LETTERS.name)
        return outcome

    def state_bytes(self) -> int:
        """Bytes of all keys and values that are kept."""
        return sum(len(key) + len(packed) for key, packed in self.store.packed.items())


def measure(customers: int, purchases: int) -> dict[str, float]:
    """State and changelog while the purchases wait, and what lasts after the ticks of day 31."""
    stage = Attribution()
    gc.collect()
    resident = _resident()
    changelog, cpu = _buy(stage, customers, purchases)
    count = customers * purchases
    edge = customers * min(EDGE, purchases)
    gc.collect()
    found = {
        "waiting_customers": float(customers),
        "waiting_state_bytes_per_purchase": stage.state_bytes() / count,
        "waiting_resident_bytes_per_purchase": (_resident() - resident) / count,
        "waiting_changelog_bytes_per_purchase": stage.changelog_bytes / count,
        "waiting_changelog_bytes_first_10": sum(changelog[:EDGE]) / edge,
        "waiting_changelog_bytes_last_10": sum(changelog[-EDGE:]) / edge,
        "waiting_changelog_growth": sum(changelog[-EDGE:]) / sum(changelog[:EDGE]),
        "waiting_cpu_us_per_purchase": stage.cpu_seconds / count * 1e6,
        "waiting_cpu_growth": sum(cpu[-EDGE:]) / sum(cpu[:EDGE]),
    }
    found |= _expire(stage, count)
    gc.collect()
    return found | {
        "waiting_lasting_keys_per_customer": len(stage.store.packed) / customers,
        "waiting_lasting_bytes_per_customer": stage.state_bytes() / customers,
        "waiting_lasting_resident_bytes_per_customer": (_resident() - resident) / customers,
    }


def _buy(stage: Attribution, customers: int, purchases: int) -> tuple[list[int], list[float]]:
    """Changelog bytes and CPU seconds of everybody's first purchase, second purchase, and so on."""
    changelog, cpu = [], []
    for nth in range(purchases):
        written, spent = stage.changelog_bytes, stage.cpu_seconds
        at = START + nth * DAY // purchases
        for batch in _batches(customers, nth, at):
            stage.take(batch)
        changelog.append(stage.changelog_bytes - written)
        cpu.append(stage.cpu_seconds - spent)
    return changelog, cpu


STEPS_A_DAY: Final = 4
REPORT_SECONDS: Final = 30


class CheckpointPrinter:
    """Lines on standard error that show how far a long run is."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._started = self._reported = time.monotonic()

    def report(self, step: int, stage: Attribution, waiting: int) -> None:
        """Print a line, unless one was printed less than half a minute ago."""
        now = time.monotonic()
        if now < self._reported + REPORT_SECONDS and step < self._steps:
            return
        self._reported = now
        print(
            f"{now - self._started:.0f} s: step {step} of {self._steps}, at most {waiting} wait, "
            f"{_resident() >> 20} MiB resident, {stage.changelog_bytes >> 20} MiB of changelog, "
            f"{stage.cpu_seconds:.0f} s of CPU time in the stage",
            file=sys.stderr,
            flush=True,
        )


def measure_spread(customers: int, purchases: int, days: int) -> dict[str, float]:
    """The same while purchases come and go, evenly over so many days, step by step."""
    stage = Attribution()
    gc.collect()
    resident, most_waiting, peak = _resident(), 0, 0
    steps = days * STEPS_A_DAY
    between = steps // purchases
    progress = CheckpointPrinter(between * purchases)
    for step in range(between * purchases):
        at = START + step * DAY // STEPS_A_DAY
        while stage.take([tick(at, 0, 1)]).changes:
            pass  # one tick ends some thousand waits; a worker has one every few seconds
        buyers = range(step % between, customers, between)
        for begin in range(0, len(buyers), BATCH):
            stage.take([_of(each, step // between, at) for each in buyers[begin : begin + BATCH]])
        waiting = len(stage.store.packed) - min(customers, (step + 1) * customers // between)
        most_waiting, peak = max(most_waiting, waiting), max(peak, _resident())
        progress.report(step + 1, stage, most_waiting)
    gc.collect()
    count = customers * purchases
    found = {
        "spread_customers": float(customers),
        "spread_waiting": float(most_waiting),
        "spread_resident_bytes_per_customer": (_resident() - resident) / customers,
        "spread_peak_resident_bytes_per_customer": (peak - resident) / customers,
        "spread_state_bytes_per_customer": stage.state_bytes() / customers,
        "spread_changelog_bytes_per_purchase": stage.changelog_bytes / count,
    }
    end = START + days * DAY
    while stage.take([tick(end + 31 * DAY, 0, 1)]).changes:
        pass
    gc.collect()
    return found | {
        "spread_cpu_us_per_purchase": stage.cpu_seconds / count * 1e6,
        "spread_lasting_bytes_per_customer": stage.state_bytes() / customers,
        "spread_lasting_resident_bytes_per_customer": (_resident() - resident) / customers,
    }


def _of(customer: int, nth: int, at: int) -> Converted:
    """A purchase as a shop's server reports it."""
    number = customer << 12 | nth
    event_id = f"019a0000-0000-7000-8000-{number:012x}"
    return Converted(
        event_id=f"6f1f6d5e-0000-5000-9000-{number:012x}",
        event_time=at,
        received_at=at + 150,
        cause_topic="events",
        cause_partition=0,
        cause_offset=number,
        cause_event_id=event_id,
        rules="1",
        kind="purchase",
        user_id=f"user-{customer:08d}",
        conversion_event_id=event_id,
        order_id=f"order-{number:012d}",
        amount_micros=20_000_000,
        currency="EUR",
        country="DE",
        channel="web",
    )


def _batches(customers: int, nth: int, at: int) -> Iterator[list[Record]]:
    """Everybody's nth purchase."""
    for begin in range(0, customers, BATCH):
        yield [_of(number, nth, at) for number in range(begin, min(begin + BATCH, customers))]


def _expire(stage: Attribution, count: int) -> dict[str, float]:
    """Ticks of day 31 until one changes nothing any more; nothing where the stage takes none."""
    if Ticked not in stage.work.stage.kinds:
        return {}
    written, cpu, ticks = stage.changelog_bytes, stage.cpu_seconds, 0
    while stage.take([tick(START + 31 * DAY + ticks, 0, 1)]).changes:
        ticks += 1
    return {
        "waiting_ticks": ticks,
        "waiting_ticks_cpu_us_per_purchase": (stage.cpu_seconds - cpu) / count * 1e6,
        "waiting_ticks_changelog_bytes_per_purchase": (stage.changelog_bytes - written) / count,
        "waiting_dead_letter_bytes_per_purchase": stage.dead_letter_bytes / count,
    }


def _written(outcome: Outcome, name: str) -> int:
    """Bytes of the keys and values that a batch sends to a topic."""
    return sum(
        len(key) + len(value or b"")
        for (topic, _), messages in outcome.messages.items()
        if topic.name == name
        for key, value in messages
    )


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000, help="up to a million")
    parser.add_argument("--purchases", type=int, default=50)
    parser.add_argument("--days", type=int, help="spread each customer's purchases over them")
    chosen = parser.parse_args()
    figures = (
        measure_spread(chosen.customers, chosen.purchases, chosen.days)
        if chosen.days
        else measure(chosen.customers, chosen.purchases)
    )
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()

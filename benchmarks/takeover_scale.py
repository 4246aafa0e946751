"""Workers that join, leave and die with very many codes and visitors, under load.

Two workers, a standby of each partition. A third joins and leaves, one is killed with -9 and
replaced, and again one joins and leaves. Users sign up all the while. Each worker is asked for its
partitions ten times a second: a partition that none has is without an owner.

    python benchmarks/takeover_scale.py [--codes 5000000] [--visitors 20000000] [--store rocksdb]

Needs about 700 bytes of disk for each visitor, and in each worker 200 MB of memory for a million
codes and, with `--store memory`, 700 MB for a million visitors, as owner or standby.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from known_visitors import write_touches
from load import fill, programme
from processes import RunningWorker, worker
from steady_load import SIGNUPS_A_SECOND, SteadyLoad

from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.topics import CAMPAIGNS, CODES
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics

PARTITIONS = 6
SETTLE_SECONDS = 20.0
PATIENCE_SECONDS = 3_600.0
SAMPLE_SECONDS = 0.1
OF_THOSE_EXPELLED = ("was not recognized", "generation id is not", "session expired")
"""The client's message when the group has gone on without it."""
EXPELLED = re.compile(r"Member (\S+) in group \S+ has failed|heartbeat.*expired", re.IGNORECASE)
"""The broker's message when it expels a member."""


def say(text: str) -> None:
    """Show on standard error how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def unused_codes(count: int) -> Iterator[CodeChanged]:
    """Codes as a shop has them, which nobody uses here."""
    _, (model, *_) = programme()
    for n in range(count):
        yield CodeChanged(
            event_id=f"019a0000-0000-7000-a000-{n:012x}",
            event_time=model.event_time,
            received_at=model.received_at,
            campaign_id=model.campaign_id,
            created_at=model.created_at,
            code=f"SHOP{n:09d}",
            owner_user_id=f"019a0000-0000-7000-b000-{n:012x}",
        )


@dataclass
class Owners:
    """Asks workers for their partitions, and notes for how long each has had none.

    The workers that run are added and removed from outside. One that is too busy to answer has
    what it had. peak has the most resident memory of each, by name.
    """

    running: dict[str, RunningWorker] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    longest: float = 0.0
    watching: bool = False
    _had: dict[str, frozenset[int]] = field(default_factory=dict)
    _owned_at: dict[int, float] = field(default_factory=dict)
    _stopping: Event = field(default_factory=Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample in a thread of its own."""
        thread = Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def are_settled(self, workers: int) -> bool:
        """Whether so many share the partitions evenly, each partition with a standby."""
        pages = [process.page() for process in list(self.running.values())]
        shares = [len(page.owned) for page in pages if page is not None and page.is_ready]
        standbys = sum(len(page.standby) for page in pages if page is not None)
        return shares == [PARTITIONS // workers] * workers and standbys >= PARTITIONS

    def begin(self) -> None:
        """Count anew."""
        self.longest, self.watching = 0.0, True
        self._owned_at = dict.fromkeys(range(PARTITIONS), time.monotonic())

    def _watch(self) -> None:
        while not self._stopping.wait(SAMPLE_SECONDS):
            running = dict(self.running)
            for name, process in running.items():
                page, memory = process.page(), process.memory()
                self.peak[name] = max(self.peak.get(name, 0), memory)
                if page is not None:
                    self._had[name] = page.owned
                elif not memory:
                    self._had[name] = frozenset()
            now = time.monotonic()
            owned = {n for name in running for n in self._had.get(name, ())}
            for partition, since in self._owned_at.items():
                self.longest = max(self.longest, now - since)
                if partition in owned:
                    self._owned_at[partition] = now


class Experiment:
    """The workers, in the order of what happens to them, and the figures of each step."""

    def __init__(
        self, installation: Installation, directory: Path, load: SteadyLoad, store: str
    ) -> None:
        self._installation = installation
        self._directory = directory
        self._load = load
        self._store = store
        self._held = ExitStack()
        self.owners = Owners()
        self.figures: dict[str, float] = {}

    def run(self) -> None:
        """All steps."""
        with self._held, self.owners.watched():
            began = time.monotonic()
            for name in ("one", "two"):
                self._start(name)
            self._settle("both_cold", began, workers=2)
            with self._load.running():
                self._step("load_alone", lambda: None, workers=2)
                self._join_and_leave("first")
                self._step("kill", self._kill_and_replace, workers=2)
                self._join_and_leave("second")
                self.figures["without_grant"] = self._load.missing()
            self.figures |= {
                f"peak_rss_mb_{name}": peak / 2**20 for name, peak in self.owners.peak.items()
            }
            self.figures["expelled_by_client"] = sum(
                words in log.read_text()
                for log in self._directory.glob("*.log")
                for words in OF_THOSE_EXPELLED
            )

    def _join_and_leave(self, nth: str) -> None:
        self._step(f"{nth}_join", lambda: self._start("three"), workers=3)
        self._step(f"{nth}_leave", lambda: self._stop("three"), workers=2)

    def _start(self, name: str) -> None:
        self.owners.running[name] = self._held.enter_context(
            worker(
                self._installation,
                self._directory / f"{name}-{time.time():.0f}.log",
                standbys="1",
                worker_store=self._store,
                worker_state_dir=str(self._directory / "state"),
            )
        )

    def _stop(self, name: str) -> None:
        self.owners.running.pop(name).stop()

    def _kill_and_replace(self) -> None:
        self.owners.running.pop("one").kill()
        self._start("instead_of_one")

    def _step(self, name: str, act: Any, workers: int) -> None:
        """Do something, wait until the workers have settled, and a while longer."""
        began = time.monotonic()
        self.owners.begin()
        act()
        self._settle(name, began, workers)
        time.sleep(SETTLE_SECONDS)
        until = time.monotonic()
        patience = until + 60
        while self._load.missing() > 5 * SIGNUPS_A_SECOND and time.monotonic() < patience:
            time.sleep(0.1)
        self.figures[f"{name}_longest_without_owner_s"] = self.owners.longest
        self.figures[f"{name}_slowest_grant_s"] = self._load.slowest(began, until - 5)
        say(f"{name}: {self.figures}")

    def _settle(self, name: str, began: float, workers: int) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.owners.are_settled(workers):
            for process in self.owners.running.values():
                process.check()
            if time.monotonic() > until:
                raise TimeoutError(f"{name}: the workers have not settled")
            time.sleep(0.2)
        self.figures[f"{name}_settled_s"] = time.monotonic() - began
        say(f"{name}: settled after {self.figures[f'{name}_settled_s']:.1f} s")


def measure(
    codes: int, visitors: int, store: str, events_a_second: int, directory: Path
) -> dict[str, float]:
    """All figures. A directory that has topics from another time is gone on with."""
    is_new = not (directory / "kafka").exists()
    with Broker(directory / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        if is_new:
            _write(installation, codes, visitors)
        logged = len(broker.settings.log.read_text())
        say("starting workers")
        load = SteadyLoad(installation, PARTITIONS, visitors, events_a_second)
        experiment = Experiment(installation, directory, load, store)
        try:
            experiment.run()
        finally:
            said = broker.settings.log.read_text()[logged:]
            experiment.figures["expelled_by_broker_killed_one_too"] = len(EXPELLED.findall(said))
            say(json.dumps(experiment.figures))
    return experiment.figures


def _write(installation: Installation, codes: int, visitors: int) -> None:
    create_topics(installation, PARTITIONS)
    campaign, used = programme()
    fill(installation, PARTITIONS, [campaign], CAMPAIGNS)
    say(f"writing {codes} codes")
    fill(installation, PARTITIONS, used, CODES)
    fill(installation, PARTITIONS, unused_codes(codes), CODES)
    say(f"writing the state of {visitors} visitors")
    asyncio.run(write_touches(installation, PARTITIONS, range(visitors)))


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, default=5_000_000)
    parser.add_argument("--visitors", type=int, default=20_000_000)
    parser.add_argument("--store", choices=("memory", "rocksdb"), default="rocksdb")
    parser.add_argument("--events-a-second", type=int, default=300)
    parser.add_argument(
        "--directory", type=Path, help="for topics, state and logs; kept, and gone on with"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = given.directory or Path(temporary)
        figures = measure(
            given.codes, given.visitors, given.store, given.events_a_second, directory
        )
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}, indent=2))


if __name__ == "__main__":
    main()

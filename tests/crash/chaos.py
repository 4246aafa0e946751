"""Events of a running installation beside kills: zombies, lost groups, poison."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import httpx
from kafka import TopicPartition
from kafka.errors import KafkaError
from support import local_http
from support.log import Raw, read_raw
from support.worker import worker

from crash.poison import Poison, poison, write
from crash.processes import WORKER_SETTINGS
from crash.schedule import Act
from crash.takeover import Killed, held_partitions
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.times import now
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import EVENTS, REWARD_INPUTS
from reftrail.local.hosts import CODES, FULFILMENT, worker_name
from reftrail.local.stack import Stack
from reftrail.local.topics import admin

GUEST: Final = "worker-guest"
_PAST_ITS_SESSION: Final = 8.0
"""A worker's session lasts 6 s."""
_GUEST_STAYS: Final = 6.0
_EMPTY_WITHIN: Final = 40.0
_ASK_EVERY: Final = 0.25
_BACK_WITHIN: Final = 60.0
_TRUNCATED: Final = (EVENTS, REWARD_INPUTS)
"""An input topic that others read as well, and one that only a stage reads."""

T = TypeVar("T")


@dataclass(slots=True)
class Chaos:
    """Performs acts on a stack. disturbed hears of workers that are stopped, go on, come or go.

    poison has all that was written, removed what truncations took away, guests how each ended.
    """

    stack: Stack
    say: Callable[[str], None]
    directory: Path
    disturbed: Callable[[Killed], None]
    rng: Random
    poison: list[Poison] = field(default_factory=list)
    removed: defaultdict[Topic, list[Raw]] = field(default_factory=lambda: defaultdict(list))
    guests: list[int] = field(default_factory=list)
    _rounds: int = 0

    def perform(self, act: Act) -> None:
        """Do it, and return when it is over."""
        ready = self.stack.ready
        group = ready.group
        workers = [worker_name(n + 1) for n in range(len(ready.worker_urls))]
        match act:
            case Act.ZOMBIE:
                self._zombie(self.rng.choice(workers))
            case Act.GUEST:
                self._guest()
            case Act.WORKERS_GROUP:
                self._delete_group(group, workers)
            case Act.FULFILMENT_GROUP:
                self._delete_group(f"{group}-fulfilment", [FULFILMENT])
            case Act.CODES_GROUP:
                self._delete_group(f"{group}-registrar", [CODES])
            case Act.POISON:
                self._write_poison()
            case Act.TRUNCATION:
                self._truncate()

    def _zombie(self, name: str) -> None:
        """Stop a worker until others own its partitions; then it goes on under load."""
        with self._stopped() as stop:
            if stop(name):
                self.say(f"stopped {name}")
                time.sleep(_PAST_ITS_SESSION)
        self.say(f"{name} goes on")

    def _delete_group(self, group: str, names: Sequence[str]) -> None:
        """Delete a group while its members are stopped, and its broker holds them for dead."""
        until, deleted = time.monotonic() + _EMPTY_WITHIN, False
        with self._stopped() as stop:
            while not deleted and time.monotonic() < until:
                for name in names:  # one that was killed meanwhile runs again
                    stop(name)
                time.sleep(_ASK_EVERY)
                with suppress(KafkaError, ExpectedError), admin(self.stack.installation) as client:
                    deleted = client.delete_groups([group]) == {group: "OK"}
        assert deleted, f"the group {group} still has members"
        self.say(f"deleted the group {group}; its members go on")

    def _guest(self) -> None:
        """One more worker joins, and leaves."""
        ready, log = self.stack.ready, self.directory / "logs" / f"{GUEST}.log"
        with worker(
            self.stack.installation, log, REFTRAIL_GROUP=ready.group, **WORKER_SETTINGS
        ) as guest:
            self.disturbed(Killed(time.monotonic(), GUEST))
            with suppress(AssertionError):  # it may have to wait for a broker that was killed
                guest.wait_until_ready(20)
            self.say("a third worker has joined")
            time.sleep(_GUEST_STAYS)
            held = self._held(f"http://127.0.0.1:{guest.port}")
            self.disturbed(Killed(time.monotonic(), GUEST, held))
            self.guests.append(guest.stop())
        self.say(f"the third worker has left with exit code {self.guests[-1]}")

    def _write_poison(self) -> None:
        ready = self.stack.ready
        messages = poison(self._rounds, ready.partitions, now())
        self._rounds += 1
        self.poison += messages
        _patiently(lambda: write(self.stack.installation, messages))
        self.say(f"wrote {len(messages)} records that no host can take")

    def _truncate(self) -> None:
        """Remove from the beginning of topics what every reader has behind it, and keep it."""
        counts = [_patiently(partial(self._remove, topic)) for topic in _TRUNCATED]
        self.say(f"removed {sum(counts)} records that were processed")

    def _remove(self, topic: Topic) -> int:
        """Remove some of a topic; how many records that were."""
        read = self._read_by_all(topic)
        upto = {partition: self.rng.randint(end // 2, end) for partition, end in read.items()}
        name = self.stack.installation.name_of(topic)
        messages = read_raw(self.stack.installation, topic, upto)
        self.removed[topic] += messages
        with admin(self.stack.installation) as client:
            client.delete_records({TopicPartition(name, n): end for n, end in upto.items()})
        return len(messages)

    def _read_by_all(self, topic: Topic) -> dict[int, int]:
        """Up to where a topic's partitions were read by the workers, and by the warehouse."""
        stack = self.stack
        name = stack.installation.name_of(topic)
        with admin(stack.installation) as client:
            offsets = client.list_group_offsets(stack.ready.group)[stack.ready.group]
        read = {at.partition: offset.offset for at, offset in offsets.items() if at.topic == name}
        if not topic.public:
            return read
        key = {"Authorization": f"Bearer {stack.ready.secret_key}"}
        answer = local_http.get(f"{stack.ready.reports_url}/v1/positions", headers=key, timeout=5.0)
        loaded = answer.raise_for_status().json().get(topic.name, {})
        return {n: min(at, loaded[str(n)]) for n, at in read.items() if str(n) in loaded}

    @contextmanager
    def _stopped(self) -> Iterator[Callable[[str], bool]]:
        """Hands out what stops a host, whichever process it has by then; all go on at the end."""
        stopped: dict[int, str] = {}

        def stop(name: str) -> bool:
            with suppress(LookupError, ProcessLookupError):
                pid = self.stack.pid(name)
                if pid not in stopped:
                    held = self.held(name)
                    self._signal(name, pid, signal.SIGSTOP)
                    stopped[pid] = name
                    self.disturbed(Killed(time.monotonic(), name, held))
                return True
            return False

        try:
            yield stop
        finally:
            for pid, name in stopped.items():
                with suppress(LookupError, ProcessLookupError):
                    self._signal(name, pid, signal.SIGCONT)
                self.disturbed(Killed(time.monotonic(), name))

    def _signal(self, name: str, pid: int, number: signal.Signals) -> None:
        """Send a signal, if the host still has this process: it may have been killed."""
        if self.stack.pid(name) == pid:
            os.kill(pid, number)

    def held(self, host: str) -> frozenset[TopicPartition]:
        """The partitions that a worker holds at this moment, by its own account."""
        kind, _, number = host.partition("-")
        if kind != "worker":
            return frozenset()
        return self._held(self.stack.ready.worker_urls[int(number) - 1])

    def _held(self, url: str) -> frozenset[TopicPartition]:
        with suppress(httpx.HTTPError):
            answer = local_http.get(f"{url}/readyz", timeout=1.0)
            return held_partitions(self.stack.installation, answer.json()["partitions"])
        return frozenset()


def _patiently(do: Callable[[], T]) -> T:
    """Do what needs a broker and a warehouse, which may just have been killed."""
    until = time.monotonic() + _BACK_WITHIN
    while True:
        try:
            return do()
        except (KafkaError, ExpectedError, httpx.HTTPError):
            if time.monotonic() > until:
                raise
            time.sleep(_ASK_EVERY)

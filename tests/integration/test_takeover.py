"""Workers that join, leave and take over with many codes, under load."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from support.bulk import codes, write_many
from support.kafka import TestInstallation
from support.log import reading, writing
from support.worker import RunningWorker, worker

from reftrail.contracts.codec import decode
from reftrail.contracts.events import Click, Signup
from reftrail.contracts.record import MINUTE
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARD_GRANTED
from reftrail.testing import campaign, code

T0 = 1_790_000_000_000
CODES_IN_ALL = 300_000
SERVED_WITHIN = 90.0
"""Seconds in which who is expelled again and again serves nobody; the machine may be busy."""
OF_THOSE_EXPELLED = ("was not recognized", "generation id is not", "session expired")
"""The client's message when the group has gone on without it."""


def _programme(installation: TestInstallation) -> None:
    used = [code(f"CODE{n}", owner=f"owner-{n}") for n in range(20)]
    write_many(installation, CAMPAIGNS, [campaign()])
    write_many(installation, CODES, [*codes(CODES_IN_ALL), *used])


@dataclass
class Load:
    """Users who sign up all the while: when each did, and when each grant was seen."""

    installation: TestInstallation
    signed_up: dict[str, float] = field(default_factory=dict)
    granted: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    _stopping: Event = field(default_factory=Event)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [Thread(target=self._sign_up), Thread(target=self._watch)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def missing(self, users: Sequence[str]) -> list[str]:
        return [
            user
            for user in users
            if not all((user, role) in self.granted for role in ("referrer", "referee"))
        ]

    def wait_for(self, users: Sequence[str], seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.missing(users) and time.monotonic() < until:
            time.sleep(0.1)
        missing = self.missing(users)
        assert not missing, f"{len(missing)} of {len(users)} have no rewards after {seconds} s"

    def slowest(self, since: float) -> float:
        return max(
            seen[0] - self.signed_up[user]
            for (user, _), seen in self.granted.items()
            if self.signed_up[user] >= since
        )

    def _sign_up(self) -> None:
        with writing(self.installation, EVENTS) as write:
            n = 0
            while not self._stopping.wait(0.1):
                user = f"u{n}"
                self.signed_up[user] = time.monotonic()
                common: dict[str, Any] = {"received_at": T0 + n, "visitor_id": f"v{n}"}
                write(
                    [
                        Click(event_id=f"a{n}", event_time=T0 + n, code=f"CODE{n % 20}", **common),
                        Signup(
                            event_id=f"s{n}", event_time=T0 + n + MINUTE, user_id=user, **common
                        ),
                    ]
                )
                n += 1

    def _watch(self) -> None:
        consumer = reading(self.installation, REWARD_GRANTED, fetch_max_wait_ms=50)
        while not self._stopping.is_set():
            for messages in consumer.poll(timeout_ms=100).values():
                for message in messages:
                    grant: Any = decode(message.value)
                    seen = self.granted.setdefault((grant.user_id, grant.role), [])
                    seen.append(time.monotonic())
        consumer.close()


def _assert_never_expelled(*workers: RunningWorker) -> None:
    for running in workers:
        said = running.log.read_text()
        for words in OF_THOSE_EXPELLED:
            assert words not in said, said[-4000:]


@pytest.mark.faults
@pytest.mark.partitions(4)
def test_workers_join_and_leave_with_many_codes_and_none_is_expelled(
    installation: TestInstallation, tmp_path: Path
) -> None:
    _programme(installation)
    load = Load(installation)
    with (
        worker(installation, tmp_path / "one.log") as one,
        worker(installation, tmp_path / "two.log") as two,
        load.running(),
    ):
        one.wait_until_ready(180)
        two.wait_until_ready(180)
        load.wait_for(list(load.signed_up), SERVED_WITHIN)
        both_ready = time.monotonic()
        with worker(installation, tmp_path / "three.log") as three:
            three.wait_until_ready(180)
            load.wait_for(list(load.signed_up), SERVED_WITHIN)
            assert three.get("/readyz")[1].count("events-") == 1
            assert three.stop() == 0
        load.wait_for(list(load.signed_up), SERVED_WITHIN)
        _assert_never_expelled(one, two, three)
        assert load.slowest(since=both_ready) < SERVED_WITHIN
        assert all(len(seen) == 1 for seen in load.granted.values())

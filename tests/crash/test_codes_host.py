"""The host of codes, killed again and again while codes are issued and users sign up."""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import pytest
from support import local_http
from support.codes import BY, SUMMER, sqlite_url
from support.host_process import HostProcess
from support.kafka import TestInstallation
from support.log import produce, read_committed

from reftrail.codes.model import Code, Filter, FormatTerms
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store, outbox
from reftrail.contracts.conversions import ConversionKind, Converted
from reftrail.contracts.reference import CodeAct, CodeActed, CodeChanged
from reftrail.contracts.topics import CODE_ACTS, CODES, CONVERSIONS
from reftrail.local.ports import free_port

KILLS = 3


class Host:
    """The host as it runs in production."""

    def __init__(self, installation: TestInstallation, store_url: str, log: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = log
        self._environment = os.environ | {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
            "REFTRAIL_CODES_STORE": store_url,
            "REFTRAIL_CODES_PORT": self.url.rpartition(":")[2],
            "REFTRAIL_GROUP": installation.topic_prefix,
        }
        self.start()

    def start(self) -> None:
        self.process = HostProcess("reftrail.codes", self._environment, self._log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def metric(self, name: str) -> float:
        try:
            text = local_http.get(f"{self.url}/metrics", timeout=5).text
        except httpx.HTTPError:
            assert self.process.poll() is None, self._log.read_text()
            return 0.0
        lines = [line for line in text.splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)


def signed_up(user: int, number: int) -> Converted:
    return Converted(
        event_id=f"{user}-{number}",
        event_time=1,
        received_at=1,
        cause_topic="events",
        cause_partition=0,
        cause_offset=number,
        cause_event_id=f"e{number}",
        rules="1",
        kind=ConversionKind.SIGNUP,
        user_id=f"user{user}",
        conversion_event_id=f"c{number}",
    )


def wait(condition: Callable[[], bool], host: Host, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert host.process.poll() is None, host._log.read_text()
        assert time.monotonic() < until, host._log.read_text()
        time.sleep(0.05)


def everything(codes: CodeService) -> list[Code]:
    found: list[Code] = []
    cursor: str | None = None
    while True:
        page = codes.page(Filter(), cursor=cursor, limit=1_000)
        found += page.codes
        if (cursor := page.next_cursor) is None:
            return found


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("CRASH_SEED") or 1)


@pytest.mark.partitions(4)
def test_kill_9_at_any_time_leaves_topic_and_store_alike(
    installation: TestInstallation, tmp_path: Path, seed: int
) -> None:
    logging.getLogger(__name__).warning("seed %d", seed)
    rng = random.Random(seed)
    url = sqlite_url(tmp_path)
    stop = threading.Event()
    written: list[int] = []
    with closing(Store.open(url)) as store:
        codes = CodeService(store)
        codes.define_format(
            FormatTerms(name="join", pattern="J{body:9}", campaign_id="join", on_signup=True), BY
        )

        def act() -> None:
            for number in count():
                if stop.is_set():
                    return
                code = codes.issue(SUMMER, BY)
                codes.suspend(code.code, BY)
                if number % 20 == 0:
                    list(codes.act_on_all(CodeAct.REVOKED, Filter(prefix="REFA"), BY))
                if number % 4 == 0:
                    produce(installation, CONVERSIONS, [signed_up(number % 40, number)])
                    written.append(number % 40)
                time.sleep(0.01)

        host = Host(installation, url, tmp_path / "log")
        acting = threading.Thread(target=act)
        acting.start()
        try:
            for _ in range(KILLS):
                wait(lambda: host.metric("reftrail_codes_relay_sent_total") > 0, host)
                time.sleep(rng.uniform(0, 1))
                host.kill()
                host.start()
        finally:
            stop.set()
            acting.join()
        try:
            users = {f"user{user}" for user in written}
            wait(lambda: owners(codes) >= users, host)
            wait(lambda: not waiting(store), host)
        finally:
            host.kill()
        stored = everything(codes)
        joined = [
            code.changed.owner_user_id for code in stored if code.changed.campaign_id == "join"
        ]
        assert sorted(map(str, joined)) == sorted(users)
        logged = read_committed(installation, CODES)
        last: dict[str, CodeChanged] = {}
        for entry in logged:
            known = last.get(entry.key)
            if known is None or known.revision <= entry.record.revision:
                last[entry.key] = entry.record
        assert last == {code.code: code.changed for code in stored}
        lines = {e.record.event_id: e.record for e in read_committed(installation, CODE_ACTS)}
        assert audit_of(lines.values()) == {
            code.code: [line.event_id for line in codes.audit(code.code)] for code in stored
        }
        assert len({(e.key, e.record.revision) for e in logged}) == sum(
            code.changed.revision for code in stored
        )


def owners(codes: CodeService) -> set[str]:
    return {str(code.changed.owner_user_id) for code in everything(codes)}


def waiting(store: Store) -> int:
    with store.read() as connection:
        return outbox.how_many_wait(connection)


def audit_of(lines: Iterable[CodeActed]) -> dict[str, list[str]]:
    """The ids of the lines of each code, in the order of revisions."""
    found: dict[str, list[str]] = {}
    for line in sorted(lines, key=lambda line: line.revision):
        if line.code is not None:
            found.setdefault(line.code, []).append(line.event_id)
    return found

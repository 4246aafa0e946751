"""From the store to Kafka, on a real broker: all of it, in order, by one relay at a time."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from support.codes import BY, SECRET, SUMMER, sqlite_url
from support.kafka import TestInstallation
from support.log import Logged, produce, read_committed

from reftrail.codes.host.metrics import RelayMetrics
from reftrail.codes.host.registrar import Registrar
from reftrail.codes.host.relay import Relay, wait_until_sent
from reftrail.codes.model import Filter, FormatTerms, PerUser
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store, outbox
from reftrail.codes.store.outbox import Waiting
from reftrail.contracts.codec import decode
from reftrail.contracts.conversions import ConversionKind, Converted
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Record
from reftrail.contracts.topics import CODE_ACTS, CODE_FORMATS, CODES, CONVERSIONS

TOPICS = (CODES, CODE_ACTS, CODE_FORMATS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(sqlite_url(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def codes(store: Store) -> CodeService:
    return CodeService(store, secret=SECRET)


def waiting(store: Store) -> list[tuple[str, Record]]:
    with store.read() as connection:
        return [
            (message.topic, decode(message.value))
            for message in outbox.first_waiting(connection, 100_000)
        ]


def on_topics(installation: Installation) -> dict[str, list[Logged]]:
    return {topic.name: read_committed(installation, topic) for topic in TOPICS}


def last_of_each(logged: list[Logged]) -> dict[str, Any]:
    """The records of a reader: of each key the one with the highest revision."""
    found: dict[str, Any] = {}
    for entry in logged:
        known = found.get(entry.key)
        if known is None or known.revision <= entry.record.revision:
            found[entry.key] = entry.record
    return found


def in_store(codes: CodeService) -> dict[str, Any]:
    return {code.code: code.changed for code in codes.page(Filter(), limit=1_000).codes}


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(part: Relay | Registrar) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_kafka_gets_what_the_store_holds_in_order(
    codes: CodeService, store: Store, installation: TestInstallation
) -> None:
    list(codes.issue_each([SUMMER] * 50, BY))
    for code in codes.page(Filter(), limit=20).codes:
        codes.suspend(code.code, BY)
        codes.revoke(code.code, BY)
    expected = waiting(store)
    wait_until_sent(store, installation, patience=0.0)
    assert waiting(store) == []
    found = on_topics(installation)
    for topic in TOPICS:
        in_order = defaultdict(list)
        for name, record in expected:
            if name == topic.name:
                in_order[topic.key_of(record)].append(record)
        per_key = defaultdict(list)
        for entry in found[topic.name]:
            per_key[entry.key].append(entry.record)
            assert entry.partition == topic.partition(entry.key, installation.partitions)
        assert per_key == in_order
    assert last_of_each(found[CODES.name]) == in_store(codes)
    wait_until_sent(store, installation, patience=0.0)
    assert on_topics(installation) == found


@pytest.mark.partitions(4)
def test_killed_between_kafka_and_the_store_it_sends_the_same_again(
    codes: CodeService, store: Store, installation: TestInstallation, tmp_path: Path
) -> None:
    list(codes.issue_each([SUMMER] * 20, BY))
    expected = waiting(store)
    script = Path(__file__).with_name("relay_that_dies.py")
    done = subprocess.run(
        [sys.executable, script, sqlite_url(tmp_path)],
        env=os.environ
        | {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        },
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert waiting(store) == expected
    once = on_topics(installation)
    assert sum(map(len, once.values())) == len(expected)
    wait_until_sent(store, installation, patience=0.0)
    twice = on_topics(installation)
    assert sum(map(len, twice.values())) == 2 * len(expected)
    assert last_of_each(twice[CODES.name]) == last_of_each(once[CODES.name]) == in_store(codes)
    events = [entry.record.event_id for entries in twice.values() for entry in entries]
    assert sorted(events) == sorted(2 * [record.event_id for _, record in expected])


def ends_of(reader: KafkaConsumer, installation: TestInstallation) -> dict[TopicPartition, int]:
    """The end of each partition of codes as the reader is given it."""
    places = [
        TopicPartition(installation.name_of(topic), number)
        for topic in TOPICS
        for number in range(installation.partitions)
    ]
    ends: dict[TopicPartition, int] = reader.end_offsets(places)
    return ends


@pytest.mark.partitions(4)
async def test_what_has_left_the_outbox_is_readable_at_once(
    codes: CodeService, store: Store, installation: TestInstallation
) -> None:
    """The broker acknowledges a commit before it has written its markers."""
    committed, all_there_is = (
        KafkaConsumer(bootstrap_servers=installation.bootstrap_servers, isolation_level=level)
        for level in ("read_committed", "read_uncommitted")
    )

    class LookingRelay(Relay):
        behind = 0
        sent = 0

        def _mark_sent(self, sent: Sequence[Waiting]) -> None:
            readable = ends_of(committed, installation)
            self.behind += readable != ends_of(all_there_is, installation)
            self.sent += 1
            super()._mark_sent(sent)

    relay = LookingRelay(installation, store)
    with closing(committed), closing(all_there_is):
        async with running(relay):
            for number in range(40):
                list(codes.issue_each([SUMMER] * 5, BY))
                await until(partial(lambda wanted: relay.sent >= wanted, number + 1))
    assert relay.behind == 0


async def test_a_newer_relay_fences_an_older_one_which_takes_over_when_it_is_gone(
    codes: CodeService, store: Store, installation: TestInstallation
) -> None:
    older, newer = RelayMetrics(), RelayMetrics()
    standing_by = Relay(installation, store, older, patience=60.0)
    async with running(standing_by):
        await until(lambda: older.active._value.get() == 1)
        async with running(Relay(installation, store, newer, patience=60.0)):
            await until(lambda: newer.active._value.get() == 1)
            # It notices when it is the first to see that something waits.
            while older.active._value.get() == 1:
                await asyncio.to_thread(codes.issue, SUMMER, BY)
                await until(lambda: not waiting(store))
            await until(lambda: newer.sent.labels("codes")._value.get() >= 1)
        standing_by._waits = 0.3
        await asyncio.to_thread(codes.issue, SUMMER, BY)
        await until(lambda: not waiting(store))
        assert older.active._value.get() == 1
    sent = await asyncio.to_thread(on_topics, installation)
    assert last_of_each(sent[CODES.name]) == in_store(codes)


def test_what_cant_be_sent_is_said(codes: CodeService, store: Store) -> None:
    codes.issue(SUMMER, BY)
    nowhere = Installation(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(ExpectedError, match=r"but not in Kafka at 127\.0\.0\.1:1 yet"):
        wait_until_sent(store, nowhere, patience=0.0, timeout=1.0)
    assert len(waiting(store)) == 4


def signed_up(user: str, number: int) -> Converted:
    return Converted(
        event_id=f"{user}-{number}",
        event_time=1,
        received_at=1,
        cause_topic="events",
        cause_partition=0,
        cause_offset=number,
        cause_event_id=f"e{number}",
        rules="1",
        kind=ConversionKind.SIGNUP if number % 3 else ConversionKind.PURCHASE,
        user_id=user,
        conversion_event_id=f"c{number}",
        device_hash="d1",
    )


async def test_everyone_who_signs_up_gets_one_code_however_often_that_is_read(
    codes: CodeService, store: Store, installation: TestInstallation
) -> None:
    for campaign, per_user in (("summer", PerUser.ONE), ("winter", PerUser.MANY)):
        terms = FormatTerms(
            name=campaign,
            pattern="R{body:8}",
            campaign_id=campaign,
            per_user=per_user,
            on_signup=True,
        )
        codes.define_format(terms, BY)
    metrics = RelayMetrics()
    records = [signed_up(f"user{n % 40}", n) for n in range(120)]
    expected = {record.user_id for record in records if record.kind == ConversionKind.SIGNUP}
    await asyncio.to_thread(produce, installation, CONVERSIONS, records)
    async with running(Registrar(installation, "first", codes, metrics)):
        await until(lambda: len(in_store(codes)) == 2 * len(expected))
        again = [signed_up(f"user{n}", 1_000 + n) for n in range(5)]
        signups = metrics.signups._value.get()
        await asyncio.to_thread(produce, installation, CONVERSIONS, again)
        await until(lambda: metrics.signups._value.get() > signups)
    # Another group reads all of it once more, as after a crash before the positions were written.
    metrics = RelayMetrics()
    async with running(Registrar(installation, "second", codes, metrics)):
        await until(lambda: metrics.signups._value.get() >= len(expected))
    owners = sorted((code.campaign_id, code.owner_user_id) for code in in_store(codes).values())
    assert owners == sorted((c, user) for c in ("summer", "winter") for user in expected)
    assert {code.owner_device_hash for code in in_store(codes).values()} == {"d1"}

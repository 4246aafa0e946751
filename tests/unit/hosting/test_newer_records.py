"""Readers stop at a record that a newer reftrail wrote, and say which version they need."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from support.memory_log import MemoryLog

from reftrail.codes.host import registrar
from reftrail.codes.host.metrics import RelayMetrics
from reftrail.codes.host.registrar import Registrar
from reftrail.contracts.codec import FRAME, encode
from reftrail.contracts.conversions import Converted
from reftrail.contracts.errors import NewerVersionNeeded
from reftrail.contracts.installation import Installation
from reftrail.contracts.registry import schemas
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import CONVERSIONS, LISTS
from reftrail.engine import ticker
from reftrail.engine.memory import MemoryHost
from reftrail.hosting.kafka.compacted_topic_reader import CompactedTopicReader, TopicTable
from reftrail.reference.topic import _decoded
from reftrail.reports.explain.log import RawMessage
from reftrail.testing import converted, tick

INSTALLATION = Installation(bootstrap_servers="nowhere:9092")
SIGNUP = encode(
    msgspec.structs.replace(converted("signup", "10:00", user_id="uma").record(), event_id="e1")
)
NEWER = FRAME.pack(0, max(schemas()) + 1) + SIGNUP[FRAME.size :]
NEEDED = f"a record has schema id {max(schemas()) + 1}, .* it needs a version"


def message(value: bytes) -> Any:
    return SimpleNamespace(topic="topic", partition=0, offset=7, key=b"key", value=value)


class OneFetch:
    """A consumer that has a message once."""

    def __init__(self, value: bytes) -> None:
        self._fetched = [{"partition": [message(value)]}]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def getmany(self, **_: int) -> Any:
        return self._fetched.pop()


async def test_the_registrar_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrar, "async_consumer", lambda *_, **__: OneFetch(NEWER))
    host = Registrar(INSTALLATION, "group", None, RelayMetrics())  # type: ignore[arg-type]
    with pytest.raises(NewerVersionNeeded, match=NEEDED):
        await host.run()


def test_a_reader_of_a_compacted_topic_stops_and_skips_garbage() -> None:
    taken: list[Any] = []
    skipped: list[int] = []
    reader = CompactedTopicReader(
        INSTALLATION,
        {"topic": TopicTable(Converted, taken.append, taken.append)},
        on_progress=lambda: None,
        on_undecodable=lambda: skipped.append(1),
    )
    reader._apply(message(b"garbage"))
    assert (taken, skipped) == ([], [1])
    with pytest.raises(NewerVersionNeeded, match=NEEDED):
        reader._apply(message(NEWER))


def test_a_command_says_which_version_a_reference_topic_needs() -> None:
    with pytest.raises(NewerVersionNeeded, match=NEEDED):
        _decoded(Converted, message(NEWER))


class NewerLog(MemoryLog):
    """A log in which a newer version wrote the records."""

    def _offset_at(self, topic: Topic, partition: int, time: int) -> int:
        return 0

    def _from(self, topic: Topic, partition: int, offset: int) -> Iterator[RawMessage]:
        return iter([RawMessage(0, 0, NEWER)])


@pytest.mark.parametrize(
    "read",
    [
        lambda log: log.at([(CONVERSIONS.name, 0, 0)]),
        lambda log: list(log.everything(LISTS)),
        lambda log: list(log.having(CONVERSIONS, "uma", lambda _: True, b"")),
        lambda log: log.find(CONVERSIONS, "uma", ["e1"], b"", 0),
    ],
)
def test_a_report_on_the_log_says_which_version_it_needs(read: Any) -> None:
    with pytest.raises(NewerVersionNeeded, match=NEEDED):
        read(NewerLog(MemoryHost()))


class Ticks:
    """A reader of one partition."""

    def __init__(self, *values: bytes) -> None:
        self._values, self._position = values, 0

    def seek(self, _place: Any, begin: int) -> None:
        self._position = begin

    async def position(self, _place: Any) -> int:
        return self._position

    async def read(self, timeout_seconds: float) -> Any:
        self._position = len(self._values)
        return {"place": [SimpleNamespace(values=self._values)]}


async def test_the_ticker_stops() -> None:
    tick_value = encode(tick("10:00"))
    last: Any = ticker._last_from
    assert await last(Ticks(tick_value, b"garbage"), "place", 0, 2) == tick("10:00").event_time
    with pytest.raises(NewerVersionNeeded, match=NEEDED):
        await last(Ticks(tick_value, NEWER), "place", 0, 2)

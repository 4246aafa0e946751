"""Two warehouses on one ClickHouse, interleaved at each step: nothing is lost, nothing doubled."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from support.clickhouse import ClickHouse, nowhere, part_of

from reftrail.contracts.codec import encode
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import Click
from reftrail.contracts.topics import EVENTS
from reftrail.warehouse.ledger import Ledger, Load
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics

MESSAGES: Final = [
    [
        encode(Click(event_id=f"e{p}-{n}", event_time=1, received_at=1, visitor_id=f"v{n}"))
        for n in range(100)
    ]
    for p in range(2)
]
STEPS: Final = 6  # before and after: the claim, the insert, the closing


class Interleaved:
    """A client that lets something else happen before or after its nth insert."""

    def __init__(self, client: Any, step: int, meanwhile: Callable[[], None]) -> None:
        self._client = client
        self._step = step
        self._meanwhile = meanwhile

    def raw_insert(self, *args: Any, **kwargs: Any) -> None:
        self._pass()
        self._client.raw_insert(*args, **kwargs)
        self._pass()

    def _pass(self) -> None:
        self._step -= 1
        if self._step == -1:
            self._meanwhile()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def work_of(load: Load) -> Work:
    parts = (
        part_of(MESSAGES[part.partition][part.begin : part.end], part.begin, part.partition)
        for part in load.ranges
    )
    return Work(EVENTS, tuple(parts))


class Warehouse:
    """The work of a warehouse process, from its start to its nth batch of so many messages."""

    def __init__(self, client: Any, size: int) -> None:
        self.ledger = Ledger(client)
        self._loader = Loader(client, self.ledger, nowhere, WarehouseMetrics())
        self._size = size
        self._positions: dict[int, int] = {}

    async def start(self) -> None:
        for load in self.ledger.unfinished():
            await self._loader.recover(work_of(load))
        found = self.ledger.positions()
        loaded = {partition: found.get((EVENTS.name, partition)) for partition in range(2)}
        self._positions = {p: 0 if at is None else at.offset for p, at in loaded.items()}

    async def load(self) -> None:
        ends = {p: min(at + self._size, 100) for p, at in self._positions.items()}
        parts = [
            part_of(MESSAGES[p][at : ends[p]], at, p)
            for p, at in self._positions.items()
            if at < ends[p]
        ]
        if parts:
            await self._loader.load([Work(EVENTS, tuple(parts))])
        self._positions = ends

    async def run(self, batches: int) -> bool:
        """Load so many batches; False if another warehouse has overtaken it."""
        try:
            for _ in range(batches):
                await self.load()
        except ExpectedError as error:
            assert "another warehouse" in str(error)  # noqa: PT017
            return False
        return True


def ids(clickhouse: ClickHouse) -> Sequence[str]:
    return sorted(str(event_id) for (event_id,) in clickhouse.rows("SELECT event_id FROM events"))


@pytest.mark.parametrize("started_before", [True, False])
@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize("step", range(STEPS))
async def test_another_warehouse_at_any_step(
    clickhouse: ClickHouse, step: int, batches: int, *, started_before: bool
) -> None:
    clickhouse.stop_merges()
    other = Warehouse(clickhouse.writing, 30)
    if started_before:
        await other.start()

    async def another() -> None:
        if not started_before:
            await other.start()
        await other.run(batches)

    def meanwhile() -> None:
        asyncio.run(another())

    client = Interleaved(clickhouse.writing, step, meanwhile)
    first = Warehouse(client, 40)
    await first.start()
    await asyncio.to_thread(asyncio.run, first.run(2))
    for size in (50, 70, 100):  # every later start works, and goes on
        later = Warehouse(clickhouse.writing, size)
        await later.start()
        assert await later.run(1)
    assert ids(clickhouse) == sorted(f"e{p}-{n}" for p in range(2) for n in range(100))
    assert later.ledger.unfinished() == []
    ends = [at.offset for at in later.ledger.positions().values()]
    assert ends == [100, 100]

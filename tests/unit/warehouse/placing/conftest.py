"""A programme, a placer with a clock of the test, and reports over HTTP."""

import pytest
from support.clickhouse import ClickHouse
from support.placed_programme import load_programme
from support.placing import AS_OF, Clock

from reftrail.warehouse.placing import placer as placer_module
from reftrail.warehouse.placing.placer import Placer

KEY = {"authorization": "Bearer sk_one"}


@pytest.fixture
async def programme(clickhouse: ClickHouse) -> ClickHouse:
    await load_programme(clickhouse)
    return clickhouse


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(placer_module, "monotonic", found)
    return found


@pytest.fixture
def placer(programme: ClickHouse, clock: Clock) -> Placer:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.place()
    return placer

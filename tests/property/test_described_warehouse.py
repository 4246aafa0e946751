"""Every request for reports is answered as the warehouse's OpenAPI description says.

Without the dashboard: `test_dashboard_requests.py` has its pages.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final
from unittest.mock import Mock

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clickhouse import ClickHouse
from support.dashboard import load_programme, silent_reports
from support.described import (
    KEYS,
    Host,
    authorization_of_all_kinds,
    cases,
    examples,
    hosted,
    operations,
)

from reftrail.contracts.topics import CODES, REWARDS
from reftrail.reports.analysts.routes import Analysts
from reftrail.reports.catalogue import catalogue
from reftrail.warehouse.clickhouse import connect_for_analysts
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.http import application, endpoints
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

EVENTS: Final = 300
OPERATIONS: Final = operations(
    "warehouse",
    endpoints(
        silent_reports(),
        LoadedPositions(),
        WarehouseMetrics(),
        Analysts(Mock(Client), Mock(Client), VIEWS, None, lambda: None),
    ),
)


@pytest.fixture(scope="module")
def known(clickhouse_engine: ClickHouse) -> dict[str, list[Any]]:
    clickhouse_engine.empty()
    host = asyncio.run(load_programme(clickhouse_engine, events=EVENTS))
    entries: list[Any] = host.log(REWARDS)[:3]
    codes: list[Any] = host.log(CODES)[:2]
    return {
        "code": [code.code for code in codes],
        "campaign": [code.campaign_id for code in codes],
        "user": [entry.user_id for entry in entries],
        "user_id": [entry.user_id for entry in entries],
        "reward": [entry.reward_id for entry in entries],
        "view": list(VIEWS),
        "query": ["SELECT code FROM v_codes"],
        "by": ["campaign", "day"],
        "name": [*catalogue()],
    }


@pytest.fixture(scope="module")
def host(
    known: object, clickhouse_engine: ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    progress = LoadedPositions()
    progress.observed(1_800_000_000.0, {})
    sql = connect_for_analysts(clickhouse_engine.path, None)
    reading = clickhouse_engine.reading
    scratch = tmp_path_factory.mktemp("exports")
    app = application(
        reading,
        reading,
        authorization_of_all_kinds(),
        progress,
        WarehouseMetrics(),
        analysts=Analysts(sql, reading, VIEWS, scratch, progress.as_of_text),
    )
    with hosted(app) as host:
        yield host
    sql.close()


@pytest.mark.parametrize("label", OPERATIONS)
@settings(max_examples=examples(4))
@given(data=st.data())
def test_answers_are_as_described(
    label: str, known: dict[str, list[Any]], host: Host, data: st.DataObject
) -> None:
    case = data.draw(cases(OPERATIONS[label], known))
    for key in KEYS:
        host.answer(case, key)

"""Amy's ledger in the warehouse."""

import pytest
from support.clickhouse import ClickHouse
from support.user_ledger import LEDGER

from reftrail.contracts.topics import REWARDS


@pytest.fixture
async def ledger(clickhouse: ClickHouse) -> ClickHouse:
    await clickhouse.load(REWARDS, LEDGER)
    return clickhouse

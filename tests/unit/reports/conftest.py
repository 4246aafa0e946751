"""Two campaigns and three codes that one can count by hand."""

import pytest
from support.clickhouse import ClickHouse
from support.programme import (
    T0,
    attributed,
    campaign,
    click,
    code,
    entry,
    form_started,
    purchase,
    refund,
    signup,
    view,
)

from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, REWARDS


@pytest.fixture
async def programme(clickhouse: ClickHouse) -> ClickHouse:
    """Two campaigns, three codes; Uma came by AMY, Vic typed BOB, Wes came by himself."""
    await clickhouse.load(CAMPAIGNS, [campaign("spring", category="books"), campaign("trial")])
    await clickhouse.load(
        CODES,
        [
            code("AMY", "spring", channel="mail"),
            code("BOB", "spring", category="toys"),
            code("CAT", "trial"),
        ],
    )
    await clickhouse.load(
        EVENTS,
        [
            view("v1", "AMY"),
            view("v1", "AMY", is_bot=True),
            click("v1", "AMY", campaign_id="spring", category="games", channel="web"),
            click("v1", "AMY"),
            click("v2", "BOB", event_time=T0 + DAY),
            click("v3", None, campaign_id="trial"),
            click("v4", "NONE"),
            form_started("v1", "AMY"),
            signup("uma", "v1"),
            signup("vic", None, code="BOB", event_time=T0 + DAY),
            signup("wes", None),
            purchase("uma", event_time=T0 + DAY),
            purchase("uma", event_time=T0 + DAY),
            purchase("wes"),
            refund("uma"),
        ],
    )
    await clickhouse.load(
        ATTRIBUTIONS,
        [
            attributed("uma", "AMY", touch_time=T0 - 4 * HOUR, campaign_id="spring"),
            attributed("uma", "CAT", decisive=False, basis="late_touch"),
            attributed("vic", "BOB", basis="typed_code", event_time=T0 + DAY),
        ],
    )
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "uma", value=5_000_000, beneficiary="amy", category="books"),
            entry("r2", "AMY", "uma", value=2_500_000, beneficiary="uma", category="books"),
            entry("r2", "AMY", "uma", value=2_500_000, status="reversed", event_time=T0 + 9 * DAY),
            entry("r3", "BOB", "vic", value=1_230_000, currency="EUR", beneficiary="bob"),
            entry("r4", "BOB", "vic", value=1, status="rejected", event_time=T0 + DAY),
        ],
    )
    return clickhouse

"""A few rewards of one code for the dashboard: held, declined and granted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.topics import ATTRIBUTIONS, CODES, EVENTS, REVIEWS, REWARDS
from reftrail.dashboard.sessions import COOKIE
from support.clickhouse import ClickHouse
from support.programme import T0, attributed, click, code, entry, signup

AS_OF = "2027-01-15T08:00:00.000Z"
_EVIDENCE = (
    '[{"figures":{"device":"<ab>","seen_at":1790000000000},"reason":"owner_device","weight":60}]'
)
_HEADERS = {"accept": "text/html", "host": "127.0.0.1"}


def load_rewards(
    clickhouse: ClickHouse,
    more_codes: Sequence[CodeChanged] = (),
    more_rewards: Sequence[RewardDecided] = (),
) -> None:
    """Load rewards r1 (held), r2 (declined) and r3 (granted) under AMY, and more."""
    asyncio.run(_load(clickhouse, more_codes, more_rewards))


async def _load(
    clickhouse: ClickHouse,
    more_codes: Sequence[CodeChanged],
    more_rewards: Sequence[RewardDecided],
) -> None:
    await clickhouse.load(CODES, [code("AMY", "spring", owner_user_id="amy"), *more_codes])
    await clickhouse.load(EVENTS, [click("v1", "AMY"), signup("uma", "v1", event_time=T0 + 1)])
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY", event_time=T0 + 1)])
    suspected = {"reasons": ["owner_device"], "score": 60, "evidence": _EVIDENCE}
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "uma", value=5_000_000, status="held", beneficiary="amy",
                  due_at=T0 + DAY, **suspected),
            entry("r2", "AMY", "vic", value=7_000_000, status="held", **suspected),
            entry("r2", "AMY", "vic", value=7_000_000, status="rejected", reasons=["declined"]),
            entry("r3", "AMY", "wes", value=9_000_000, beneficiary="amy"),
            *more_rewards,
        ],
    )  # fmt: skip
    review = Reviewed(
        event_id="d1", event_time=T0, received_at=T0, code="AMY", user_id="vic", reward_id="r2",
        decision="decline", reviewer="ann", reason="fraud", note="<i>seen</i>",
    )  # fmt: skip
    await clickhouse.load(REVIEWS, [review])


@asynccontextmanager
async def signed_in(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which a reviewer has signed in."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=_HEADERS
    ) as client:
        await client.post("/signin", data={"key": "sk_reviewer"})
        assert client.cookies[COOKIE]
        yield client

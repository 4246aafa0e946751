"""Duration of the view of one user with a ledger of 10 million entries, over HTTP.

The ledger is made up within ClickHouse, in the warehouse's own tables: each reward granted and then
fulfilled, or else failed, reversed or expired; half of the rewards to referees, who have one each,
half to referrers, few of whom have very many. Users are drawn by chance, once from among all
referrers, once by their rewards, so that those with many come often. One request at a time.
cpu_ms is the processor time a request, the asking included. In a directory that is given the ledger
stays, to be asked again.

    python benchmarks/user_view.py [--entries 10000000] [--requests 300] [--directory DIRECTORY]
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from clickhouse_connect.driver.client import Client

from reftrail.contracts.policy import Milestone, MilestoneKind, Policy, policy_text
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import Authorization
from reftrail.hosting.serving import serve
from reftrail.local.ports import free_port
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions
from reftrail.warehouse.tables import apply_ddl

BLOCK = 1_000_000
ENTRIES_A_REFERRER = 50

# Reward n's entries are 2n and 2n+1; referral r's rewards are 2r (referrer) and 2r+1 (referee).
_REWARDS = """
INSERT INTO rewards (
    event_id, event_time, received_at, cause_topic, cause_partition, cause_offset, cause_event_id,
    rules, reward_id, code, user_id, beneficiary, role, action, status, reasons, value_micros,
    currency, kind, campaign_id, campaign_version, basis, action_event_id
)
WITH
    intDiv(number, 2) AS reward,
    intDiv(number, 4) AS referral,
    reward % 2 = 0 AS to_referrer,
    toUInt64(floor({referrers} * pow(cityHash64(referral) / 18446744073709551616, 2))) AS referrer,
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalSecond(referral * 5) AS at,
    number % 2 = 0 AS is_grant
SELECT
    toString(reinterpretAsUUID(sipHash128(number))), at + toIntervalHour(if(is_grant, 0, 1)),
    at + toIntervalHour(if(is_grant, 0, 1)), 'reward-inputs', referrer % 8, number, 'cause', '1',
    toString(reinterpretAsUUID(sipHash128(reward, 'reward'))), concat('CODE', toString(referrer)),
    concat('user-', toString(referral)),
    if(to_referrer, concat('referrer-', toString(referrer)), concat('user-', toString(referral))),
    if(to_referrer, 'referrer', 'referee'), 'signup',
    multiIf(
        is_grant, 'granted', reward % 10 < 8, 'fulfilled', reward % 30 < 10, 'failed',
        reward % 30 < 20, 'reversed', 'expired'
    ),
    [], 5000000, if(referrer % 2 = 0, 'USD', 'EUR'), if(reward % 20 = 0, 'shipment', 'credit'),
    'spring', 1, 'first_touch', 'action'
FROM numbers({begin}, {count})
"""
_OTHERS = (
    """
INSERT INTO attributions (
    event_id, event_time, received_at, cause_topic, cause_partition, cause_offset, cause_event_id,
    rules, user_id, code, campaign_id, basis, decisive, touch_time, signup_event_id
)
SELECT
    toString(reinterpretAsUUID(sipHash128(event_id))), event_time, event_time, 'conversions', 0,
    cause_offset, 'cause', '1', user_id, code, 'spring', 'first_touch', true, event_time, 'signup'
FROM rewards WHERE role = 'referrer' AND status = 'granted'
""",
    """
INSERT INTO codes (
    event_id, event_time, received_at, code, campaign_id, owner_user_id, status, created_at,
    revision
)
SELECT
    concat('code-', toString(number)), now64(3), now64(3), concat('CODE', toString(number)),
    'spring', concat('referrer-', toString(number)), 'active', now64(3), 1
FROM numbers({referrers})
""",
    """
INSERT INTO milestones (
    event_id, event_time, received_at, cause_topic, cause_partition, cause_offset, cause_event_id,
    rules, beneficiary, campaign_id, campaign_version, code, user_id, name, kind, grants, reached,
    times, value_micros
)
SELECT
    toString(reinterpretAsUUID(sipHash128(number))), now64(3), now64(3), 'milestone-inputs', 0,
    number, 'cause', '1', concat('referrer-', toString(intDiv(number, 3))), 'spring', 1, 'CODE',
    'user', ['bronze', 'silver', 'starter'][number % 3 + 1],
    ['tier', 'tier', 'badge'][number % 3 + 1], [2, 4, 1][number % 3 + 1], true, 1, 0
FROM numbers(3 * {referrers})
""",
    """
INSERT INTO fulfilments (
    event_id, event_time, received_at, code, user_id, reward_id, role, outcome, kind, attempts,
    carrier, tracking_number
)
SELECT
    concat(event_id, '-delivered'), event_time, event_time, code, user_id, reward_id, role,
    'delivered', kind, 1, 'owl', concat('OWL-', toString(cause_offset))
FROM rewards WHERE status = 'fulfilled'
""",
)


def fill(client: Client, entries: int) -> None:
    """Make the ledger and what goes with it."""
    referrers = entries // ENTRIES_A_REFERRER
    for begin in range(0, entries, BLOCK):
        count = min(BLOCK, entries - begin)
        client.command(_REWARDS.format(referrers=referrers, begin=begin, count=count))
    for statement in _OTHERS:
        client.command(statement.format(referrers=referrers))
    names = ("bronze", 2), ("silver", 4), ("gold", 1_000_000)
    tiers = [Milestone(name=name, kind=MilestoneKind.TIER, grants=n) for name, n in names]
    row = ["spring-1", "spring", 1, "Spring", policy_text(Policy(milestones=tiers))]
    columns = ["event_id", "campaign_id", "version", "name", "policy"]
    client.insert("campaigns", [row], column_names=columns)


async def measure(entries: int, requests: int, kept: Path | None) -> dict[str, float]:
    """Milliseconds a request, and what the heaviest user takes."""
    with tempfile.TemporaryDirectory() as directory:
        path = kept or Path(directory) / "clickhouse"
        writing = connect_for_writing(path, None)
        began = time.perf_counter()
        apply_ddl(writing)
        if not writing.query("SELECT count() FROM rewards").result_rows[0][0]:
            await asyncio.to_thread(fill, writing, entries)
        filled = time.perf_counter() - began
        reading = connect_for_reading(path, None)
        port = free_port()
        app = application(
            reading,
            reading,
            Authorization(ApiKeys.of(secret=["sk"])),
            LoadedPositions(),
            WarehouseMetrics(),
        )
        serving = asyncio.create_task(serve(app, "127.0.0.1", port, "PORT"))
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", headers={"authorization": "Bearer sk"}
            ) as client:
                figures = await _ask(client, entries // ENTRIES_A_REFERRER, requests)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        ((found, parts),) = reading.query(
            "SELECT sum(rows), count() FROM system.parts WHERE active AND table = 'rewards'"
        ).result_rows
        assert found == entries, f"{found} rows of {entries} entries"
        reading.close()
        writing.close()
    load = round(os.getloadavg()[0], 1)
    return {
        "load_average": load,
        "entries": entries,
        "parts": parts,
        "filled_s": round(filled),
        **figures,
    }


async def _ask(client: httpx.AsyncClient, referrers: int, requests: int) -> dict[str, float]:
    chance = random.Random(5)
    drawn = {
        "any": [chance.randrange(referrers) for _ in range(requests)],
        "by_rewards": [int(referrers * chance.random() ** 2) for _ in range(requests)],
        "heaviest": [0] * 20,
    }
    for number in range(30):
        await _one(client, number)
    figures: dict[str, float] = {}
    for name, users in drawn.items():
        cpu = time.process_time()
        times = [await _one(client, user) for user in users]
        cpu = time.process_time() - cpu
        figures[f"user_view_{name}_cpu_ms"] = round(cpu * 1000 / len(users), 1)
        figures[f"user_view_{name}_p50_ms"] = round(statistics.median(times), 1)
        figures[f"user_view_{name}_p95_ms"] = round(statistics.quantiles(times, n=20)[-1], 1)
    return figures


async def _one(client: httpx.AsyncClient, user: int) -> float:
    while True:
        began = time.perf_counter()
        try:
            answer = await client.get(f"/v1/users/referrer-{user}/rewards", timeout=60)
        except httpx.ConnectError:  # the server is coming up
            await asyncio.sleep(0.1)
            continue
        taken = (time.perf_counter() - began) * 1000
        assert answer.is_success, answer.text
        codes = answer.json()["codes"]
        assert codes, f"referrer-{user} has no code"
        return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--directory", type=Path)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(measure(given.entries, given.requests, given.directory))))

"""Observation of the pipeline at the end: Kafka's committed records, and the reports' counts."""

import asyncio
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

import httpx
import polars as pl

from reftrail.contracts.codec import container, decode_as
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import MICROS_PER_UNIT, Micros
from reftrail.contracts.topics import ATTRIBUTIONS, EVENTS, REWARDS
from reftrail.local.committed import by_schema, committed_values
from reftrail.local.ready import Ready
from reftrail.simulator import (
    Attribution,
    Entry,
    Observed,
    entry_of,
    in_force,
)

_RANDOM_END: Final = 19
"""The index in a UUID's text at which the last 64 bits begin."""
_ANSWERS_WITHIN: Final = 60.0
_COUNTS: Final = (
    "views",
    "clicks",
    "forms_started",
    "signups",
    "purchases",
    "attributed",
    "rewards_granted",
)


async def observe(installation: Installation, ready: Ready) -> Observed:
    """Everything that is compared with the truth, when the pipeline is done."""
    (distinct, fingerprint), attributions, entries = await asyncio.gather(
        _events(installation, ready.partitions),
        _attributions(installation, ready.partitions),
        _ledger(installation, ready.partitions),
    )
    return Observed(distinct, fingerprint, _funnel(ready), attributions, entries, _paid(ready))


def report(ready: Ready, name: str, by: str) -> list[dict[str, Any]]:
    """The rows of a report by one dimension."""
    rows: list[dict[str, Any]] = get(ready, f"/v1/reports/{name}?by={by}")["rows"]
    return rows


def get(ready: Ready, path: str) -> dict[str, Any]:
    """The answer of the warehouse. Raises `httpx.HTTPError` if it doesn't."""
    answer = httpx.get(
        ready.reports_url + path,
        headers={"Authorization": f"Bearer {ready.secret_key}"},
        timeout=_ANSWERS_WITHIN,
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _funnel(ready: Ready) -> dict[tuple[str, str | None], int]:
    """The counts in the funnel by code."""
    return {
        (column, row["code"]): row[column]
        for row in report(ready, "funnel", "code")
        for column in _COUNTS
    }


def _paid(ready: Ready) -> dict[tuple[str, str], Micros]:
    """The values of the rewards and adjustments by code and currency, without those of nothing."""
    return {
        (row["code"], row["currency"]): int(
            (Decimal(row["reward_value"]) + Decimal(row["adjusted_value"])) * MICROS_PER_UNIT
        )
        for row in report(ready, "rewards", "code")
        if row["currency"] is not None
    }


async def _events(installation: Installation, partitions: int) -> tuple[int, int]:
    """The number of distinct events, and the sum of their `simulator.identity`."""
    found = [
        _identities(values)
        async for some in committed_values(installation, EVENTS, partitions)
        for values in by_schema(some)
    ]
    distinct = pl.concat(found).unique()
    low, high = distinct % 2**32, distinct // 2**32
    return len(distinct), int(high.sum()) * 2**32 + int(low.sum())


async def _attributions(
    installation: Installation, partitions: int
) -> list[tuple[str, Attribution]]:
    """Every attribution in force, of each user as many as there are."""
    return in_force(
        [
            decode_as(Attributed, value)
            async for values in committed_values(installation, ATTRIBUTIONS, partitions)
            for value in values
        ]
    )


async def _ledger(installation: Installation, partitions: int) -> list[Entry]:
    """Every entry of the reward ledger, those of one reward in order."""
    return [
        entry_of(decode_as(RewardDecided, value))
        async for values in committed_values(installation, REWARDS, partitions)
        for value in values
    ]


def _identities(values: list[bytes]) -> pl.Series:
    ids = pl.read_avro(BytesIO(container(values)), columns=["event_id"])["event_id"]
    return ids.str.slice(_RANDOM_END).str.replace("-", "").str.to_integer(base=16, dtype=pl.UInt64)

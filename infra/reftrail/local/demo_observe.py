"""What the pipeline says at the end: what Kafka has committed, and the counts of the reports."""

from io import BytesIO
from typing import Final

import polars as pl

from reftrail.contracts.codec import container, decode_as
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import ATTRIBUTIONS, EVENTS, REWARDS
from reftrail.local.committed import by_schema, committed_values
from reftrail.simulator import Attribution, RewardKey, Verdict, observed_verdict

_RANDOM_END: Final = 19
"""Where in a UUID's text the last 64 bits begin."""


async def fingerprint(installation: Installation, partitions: int) -> int:
    """The sum of the distinct events' identities, as `simulator.identity` makes them."""
    found = [
        _identities(values)
        async for some in committed_values(installation, EVENTS, partitions)
        for values in by_schema(some)
    ]
    distinct = pl.concat(found).unique()
    low, high = distinct % 2**32, distinct // 2**32
    return int(high.sum()) * 2**32 + int(low.sum())


async def attributions(
    installation: Installation, partitions: int
) -> list[tuple[str, Attribution]]:
    """Every decisive attribution, of each user as many as there are."""
    return [
        (
            record.user_id,
            Attribution(record.code, record.basis, record.touch_event_id, record.touch_time),
        )
        async for values in committed_values(installation, ATTRIBUTIONS, partitions)
        for record in (decode_as(Attributed, value) for value in values)
        if record.decisive
    ]


async def ledger(installation: Installation, partitions: int) -> list[tuple[RewardKey, Verdict]]:
    """Every entry of the reward ledger, those of one reward in order."""
    return [
        (
            RewardKey(record.code, record.user_id, record.role),
            observed_verdict(record.status, record.reasons),
        )
        async for values in committed_values(installation, REWARDS, partitions)
        for record in (decode_as(RewardDecided, value) for value in values)
    ]


def _identities(values: list[bytes]) -> pl.Series:
    ids = pl.read_avro(BytesIO(container(values)), columns=["event_id"])["event_id"]
    return ids.str.slice(_RANDOM_END).str.replace("-", "").str.to_integer(base=16, dtype=pl.UInt64)

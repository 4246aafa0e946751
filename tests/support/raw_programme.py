"""A simulated programme in ClickHouse and as raw frames."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec
import polars as pl

from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.record import Record
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    REWARD_GRANTED,
    REWARDS,
)
from reftrail.reports.questions import DIMENSIONS
from reftrail.simulator.simulation import Simulation
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY
from support.clickhouse import ClickHouse
from support.report_rows import OWN, Asked
from support.simulated import accepted

EVENTS_SENT: Final = 4_000


@dataclass(frozen=True)
class Raw:
    """Records of a programme as frames, nothing left out."""

    events: pl.DataFrame
    attributions: pl.DataFrame
    rewards: pl.DataFrame
    codes: pl.DataFrame
    campaigns: pl.DataFrame

    def once(self) -> pl.DataFrame:
        """Events without those whose id was received before."""
        return self.events.sort("received_at", maintain_order=True).unique(
            "event_id", keep="first", maintain_order=True
        )

    def current(self) -> pl.DataFrame:
        """Attributions that hold. No campaign here lets a user be referred twice."""
        corrected = self.attributions["corrects"].drop_nulls().to_list()
        found = self.attributions.filter(pl.col("decisive"), ~pl.col("event_id").is_in(corrected))
        assert found["user_id"].is_unique().all()
        return found

    def signups(self) -> pl.DataFrame:
        """Signups, once a user: the report received first."""
        signups = self.once().filter(pl.col("type") == "signup").sort("received_at", "event_id")
        return signups.unique("user_id", keep="first", maintain_order=True)

    def homes(self) -> pl.DataFrame:
        """The country in which each user signed up."""
        return self.signups().select("user_id", "country")

    def placed(self, rows: pl.DataFrame, at: str, asked: Asked) -> pl.DataFrame:
        """Rows of the period with the dimensions asked for as `by`.

        A row's own campaign, category and channel count, else its code's, else its campaign's.
        """
        of_code = self.codes.select("code", *(pl.col(name).alias(f"code's {name}") for name in OWN))
        of_campaign = self.campaigns.select("campaign_id", pl.col("category").alias("campaign's"))
        if "country" not in rows.columns:
            homes = self.homes().rename({"user_id": "its_user"})
            user = pl.col("user_id") if "user_id" in rows.columns else pl.lit(None, pl.String)
            rows = rows.with_columns(its_user=user)
            rows = rows.join(homes, on="its_user", how="left", maintain_order="left")
        time = pl.from_epoch(at, time_unit="ms").dt.replace_time_zone("UTC")
        found = rows.join(of_code, on="code", how="left", maintain_order="left").with_columns(
            *(pl.coalesce(name, f"code's {name}").alias(name) for name in OWN)
        )
        found = found.join(of_campaign, on="campaign_id", how="left", maintain_order="left")
        found = found.with_columns(
            pl.coalesce("category", "campaign's").alias("category"),
            time.dt.strftime("%Y-%m-%d").alias("day"),
            time.dt.strftime("%Y-%m-01").alias("month"),
        )
        if asked.since:
            found = found.filter(pl.col("day") >= asked.since, pl.col("day") < asked.until)
        return found.with_columns(
            *(pl.col(DIMENSIONS[name]).alias(f"by_{nth}") for nth, name in enumerate(asked.by))
        )


def decided_programme(clickhouse: ClickHouse, seed: int) -> Raw:
    """A decided programme whose records are loaded in pieces, every tenth event twice."""
    clickhouse.empty()
    chance = Random(seed)
    simulation = Simulation(seed, EVENTS_SENT, FIRST_DAY)
    events = accepted(simulation)
    host = MemoryHost(partitions=3, batch=50, shuffle=Random(seed), wire=False)
    campaigns = list(simulation.programme.campaigns.values())
    codes = list(simulation.programme.codes.values())
    host.publish(CAMPAIGNS, *campaigns)
    host.publish(CODES, *codes)
    host.publish(EVENTS, *events)
    host.run()
    again = [
        msgspec.structs.replace(event, received_at=event.received_at + 60_000, category="again")
        for event in chance.sample(events, len(events) // 10)
    ]
    raw = Raw(
        events=frame([*events, *again]),
        attributions=frame(
            attribution
            for attribution in host.log(ATTRIBUTIONS)
            if isinstance(attribution, Attributed)
        ),
        rewards=frame(entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)),
        codes=frame(codes),
        campaigns=frame(campaigns),
    )
    asyncio.run(load(clickhouse, host, events, again))
    return raw


async def load(
    clickhouse: ClickHouse, host: MemoryHost, events: list[Record], again: list[Record]
) -> None:
    third = len(events) // 3
    for load in (events[:third], events[third:], again):
        await clickhouse.load(EVENTS, load)
    for topic in (CAMPAIGNS, CODES, ATTRIBUTIONS, REWARDS, REWARD_GRANTED):
        await clickhouse.load(topic, host.log(topic))
        await clickhouse.load(topic, host.log(topic)[:50])


def frame(records: Iterable[Record]) -> pl.DataFrame:
    return pl.DataFrame(
        [msgspec.to_builtins(record) for record in records], infer_schema_length=None
    )

"""A simulated programme in ClickHouse and as raw frames, and sums over these in polars.

The programme has self-referrals, bots, refunds, late and doubled events. The sums here are made
from raw records by what the reference of the reports says of each measure, and know no SQL.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import msgspec
import polars as pl
import pytest

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
from reftrail.reports.catalogue import ask, find
from reftrail.reports.forecast import weeks
from reftrail.reports.forecast.model import Forecast, Tested
from reftrail.reports.questions import ALL, DIMENSIONS, question
from reftrail.simulator.simulation import Simulation
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY
from support.clickhouse import ClickHouse
from support.placing import placed_facts
from support.simulated import accepted

EVENTS_SENT: Final = 4_000
OWN: Final = ("campaign_id", "category", "channel")
KEPT: Final = (*OWN, "utm_source")
"""Dimensions that a fact has by itself."""

Period = tuple[str | None, str | None]
Rows = dict[tuple[str | None, ...], dict[str, Any]]


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

    def placed(self, rows: pl.DataFrame, at: str, asked: "Asked") -> pl.DataFrame:
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


@dataclass(frozen=True)
class Asked:
    """Dimensions, and days from since to before until."""

    by: Sequence[str]
    since: str | None
    until: str | None

    @property
    def keys(self) -> list[str]:
        return [f"by_{nth}" for nth in range(len(self.by))]

    def of(self, clickhouse: ClickHouse, report: str, *more: str) -> Rows:
        """The figures of the report, by dimensions; without rows of zeros.

        They are read in placed facts, which `same_of_views` compares with the views: to plan a
        question of these takes a third of a second of processor time.
        """
        asked = question(self.by or [ALL], self.since, self.until)
        answer = ask(clickhouse.reading, find(report), asked, None, placed_facts(clickhouse))
        keys = [*answer.columns[: len(self.by)], *more]
        counted = [measure.name for measure in find(report).measures if measure.kind == "count"]
        rows = [row for row in answer.rows if any(row[name] for name in counted)]
        return {tuple(row[key] for key in keys): without(row, keys) for row in rows}


def same_of_views(clickhouse: ClickHouse, report: str, asked: Asked) -> None:
    """Assert that views say of a report what is placed, by all dimensions that are asked for."""
    wanted = question(asked.by or [ALL], asked.since, asked.until)
    of_views = ask(clickhouse.reading, find(report), wanted, None)
    placed = ask(clickhouse.reading, find(report), wanted, None, placed_facts(clickhouse))
    assert of_views.rows
    assert placed.rows == of_views.rows


def forecast_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the forecast end with its history: what follows takes a second for each series."""
    nothing = Forecast((), Tested(0, None, 0.0, 0.0))
    monkeypatch.setattr(weeks, "forecast", lambda *_: nothing)


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


def conversions(events: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """Signups once a user, purchases once an order of a user; under the user's code."""
    found = events.filter(pl.col("type").is_in(["signup", "purchase"])).sort(
        "received_at", "event_id"
    )
    order = pl.when(pl.col("type") == "purchase").then("order_id").alias("order")
    once = found.with_columns(order).unique(
        ["type", "user_id", "order"], keep="first", maintain_order=True
    )
    buyers = once.filter(pl.col("type") == "purchase").sort("event_time", "event_id")
    first = buyers.unique("user_id", keep="first")["event_id"].to_list()
    return once.select(
        "type",
        "user_id",
        "event_time",
        "country",
        is_first=pl.col("event_id").is_in(first),
        has_bought=pl.col("user_id").is_in(buyers["user_id"].to_list()),
    ).join(current.select("user_id", "code", "basis", *KEPT), on="user_id", how="left")


def visitors(
    clicks: pl.DataFrame, events: pl.DataFrame, current: pl.DataFrame, asked: Asked
) -> Rows:
    """The visitors who clicked, and those who then signed up under the code that they clicked."""
    codes = current.select("user_id", pl.col("code").alias("code_of_user"))
    signups = (
        events.filter(pl.col("type") == "signup", pl.col("visitor_id").is_not_null())
        .join(codes, on="user_id", how="left")
        .select("visitor_id", "code_of_user", pl.col("event_time").alias("signed_up_at"))
    )
    converted = clicks.join(signups, on="visitor_id").filter(
        pl.col("code").eq_missing(pl.col("code_of_user")),
        pl.col("event_time") <= pl.col("signed_up_at"),
    )
    return joined(
        *(
            by_key(
                rows.group_by(asked.keys).agg(pl.col("visitor_id").n_unique().alias(name)), asked
            )
            for rows, name in ((clicks, "visitors_clicked"), (converted, "visitors_signed_up"))
        )
    )


def reward_sums(entries: pl.DataFrame) -> pl.DataFrame:
    """Each reward that was granted or rejected: what was granted less what was taken back."""
    status, value = pl.col("status"), pl.col("value_micros")
    whole = (status == "reversed") & ~pl.col("reasons").list.contains("partly_refunded")
    # A reward may be granted again after a reversal, or be held while its order is disputed.
    decides = whole | status.is_in(["granted", "held", "rejected"])
    assert set(entries["status"]) <= {"held", "granted", "reversed", "rejected"}
    names = ("code", "user_id", "beneficiary", "currency", *KEPT)
    first = {name: pl.col(name).first() for name in names}
    found = (
        entries.with_row_index("nth")
        .sort((status != "granted"), "cause_offset")
        .group_by("reward_id", maintain_order=True)
        .agg(
            at=pl.coalesce("action_time", "event_time").first(),
            is_granted=(status == "granted").any(),
            is_rejected=(status == "rejected")
            .filter(decides)
            .sort_by(pl.col("nth").filter(decides))
            .last(),
            is_held=(status == "held")
            .filter(decides)
            .sort_by(pl.col("nth").filter(decides))
            .last(),
            is_reversed=whole.filter(decides).sort_by(pl.col("nth").filter(decides)).last(),
            balance=value.filter(status == "granted").sum()
            - value.filter(status == "reversed").sum(),
            taken=value.filter(status == "reversed").sum(),
            **first,
        )
    )
    return found.with_columns(pl.when(pl.col("currency") != "XXX").then("currency").alias("priced"))


def counts(rows: pl.DataFrame, asked: Asked, measures: Mapping[str, pl.Expr]) -> Rows:
    flagged = rows.with_columns(condition.alias(name) for name, condition in measures.items())
    counted = flagged.group_by(asked.keys).agg(pl.col(name).sum() for name in measures)
    return {key: row for key, row in by_key(counted, asked).items() if any(row.values())}


def by_key(frame: pl.DataFrame, asked: Asked) -> Rows:
    return {
        tuple(row[key] for key in asked.keys): without(row, asked.keys)
        for row in frame.iter_rows(named=True)
    }


def joined(*parts: Rows) -> Rows:
    found: Rows = {}
    for part in parts:
        for key, row in part.items():
            found.setdefault(key, {}).update(row)
    return found


def without(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in keys}


def frame(records: Iterable[Record]) -> pl.DataFrame:
    return pl.DataFrame(
        [msgspec.to_builtins(record) for record in records], infer_schema_length=None
    )


def orders(programme: Raw) -> pl.DataFrame:
    """Orders, each once a user, with what was paid back of them by now.

    By the larger of the refunds, each once by its id, and the largest total reported; and by lost
    disputes. Without any amount it is the whole order. Amounts in another currency don't count.
    """
    events = programme.once()
    found = (
        events.filter(pl.col("type") == "purchase")
        .sort("received_at", "event_id")
        .unique(["user_id", "order_id"], keep="first", maintain_order=True)
    )
    first = found.sort("event_time", "event_id").unique("user_id", keep="first")["event_id"]
    about: dict[tuple[str, str], list[dict[str, Any]]] = {}
    kinds = ("refund", "dispute_opened", "dispute_lost")
    for row in events.filter(pl.col("type").is_in(kinds)).iter_rows(named=True):
        about.setdefault((row["user_id"], row["order_id"]), []).append(row)
    back = [
        paid_back(
            row["amount_micros"], row["currency"], about.get((row["user_id"], row["order_id"]), [])
        )
        for row in found.iter_rows(named=True)
    ]
    return found.select(
        "user_id",
        "order_id",
        "event_time",
        "country",
        "currency",
        amount="amount_micros",
        refunded=pl.Series(back, dtype=pl.Int64),
        is_first=pl.col("event_id").is_in(first.to_list()),
    )


def paid_back(amount: int, currency: str, reports: Sequence[Mapping[str, Any]]) -> int:
    """What was paid back of one order, by the reports about it."""
    single: dict[str, int] = {}
    total = lost = 0
    for row in reports:
        said, in_all = row["amount_micros"], row.get("amount_refunded_micros")
        if row["type"] == "refund" and said is None and in_all is None:
            return amount
        if row["type"] != "refund" or row["currency"] not in (None, currency):
            continue
        total = max(total, in_all or 0)
        if said is not None:
            name = row.get("refund_id") or row["event_id"]
            single[name] = max(said, single.get(name, 0))
    for dispute in {row["dispute_id"] for row in reports if row["type"] == "dispute_lost"}:
        of_it = [row for row in reports if row["dispute_id"] == dispute]
        priced = [row for row in of_it if row["amount_micros"] is not None]
        said_lost = [row for row in priced if row["type"] == "dispute_lost"] or priced
        if not said_lost:
            return amount
        own = [row["amount_micros"] for row in said_lost if row["currency"] in (None, currency)]
        lost += max(own, default=0)
    return min(amount, max(sum(single.values()), total) + lost)

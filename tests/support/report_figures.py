"""Sums over the frames of a raw programme in polars, as figures of reports."""

from collections.abc import Mapping

import polars as pl
import pytest

from reftrail.reports.forecast import weeks
from reftrail.reports.forecast.model import Forecast, Tested
from support.report_rows import KEPT, Asked, Rows, without


def forecast_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the forecast end with its history: what follows takes a second for each series."""
    nothing = Forecast((), Tested(0, None, 0.0, 0.0))
    monkeypatch.setattr(weeks, "forecast", lambda *_: nothing)


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

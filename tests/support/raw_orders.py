"""Orders of a raw programme, with what was paid back of each."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from support.raw_programme import Raw


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
    """The amount paid back of one order, by the reports about it."""
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

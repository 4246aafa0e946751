"""Rows of the journal's table of orders, made of orders and read back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from reftrail.contracts.codec import decode_as, encode
from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported
from reftrail.contracts.record import Millis
from reftrail.fulfilment.outcomes import Due
from reftrail.fulfilment.reports import report_id
from reftrail.fulfilment.tables import State, orders, read_up_to
from reftrail.hosting.kafka.log_bounds import LogPosition

Row: TypeAlias = Mapping[str, Any]
"""Values of a row of `tables.orders`, by column."""


def rows_of(connection: sa.Connection, reward_ids: Iterable[str]) -> dict[str, Row]:
    """The rows of rewards, by reward_id; those that aren't known are missing."""
    found = sa.select(orders).where(orders.c.reward_id.in_(list(reward_ids)))
    return {row["reward_id"]: dict(row) for row in connection.execute(found).mappings()}


def put(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Put rows in, each in the place of its reward's earlier one."""
    if rows:
        connection.execute(insert(orders).prefix_with("OR REPLACE"), rows)


def update(connection: sa.Connection, reward_ids: Collection[str], **values: Any) -> None:
    """Change the rows of rewards."""
    if reward_ids:
        connection.execute(
            sa.update(orders).where(orders.c.reward_id.in_(reward_ids)).values(**values)
        )


def set_positions(connection: sa.Connection, positions: Mapping[int, int]) -> None:
    """Note up to where the log of reports is known, by partition."""
    if positions:
        connection.execute(
            insert(read_up_to).prefix_with("OR REPLACE"),
            [{"partition": number, "position": at} for number, at in positions.items()],
        )


def ids_of(due: Iterable[Due]) -> list[str]:
    """The rewards that orders are for."""
    return [order.order.reward_id for order in due]


def due_in(row: Row) -> Due:
    """The order in a row whose time has come, as the attempt that follows.

    Its value is what a withdrawal left. Where an earlier attempt may have been carried out, it is
    that of the attempt: under one idempotency key nothing else may be asked for.
    """
    order = decode_as(RewardGranted, row["payload"])
    left = row["asked"] if row["in_doubt"] else row["remaining"]
    if left is not None and left < order.value_micros:
        order = msgspec.structs.replace(order, value_micros=left)
    return Due(
        order=order,
        place=LogPosition(row["partition"], row["offset"]),
        attempts=row["attempts"] + 1,
        in_doubt=row["in_doubt"],
        taken_at=row["taken_at"],
        is_withdrawn=row["remaining"] == 0,
    )


def is_expired(due: Due, now: Millis) -> bool:
    """Whether an order's time is up, and nobody can have fulfilled it."""
    until = due.order.expires_at
    return until is not None and until <= now and not due.in_doubt


def taken(order: RewardGranted, place: LogPosition, now: Millis) -> Row:
    """The row of an order that has just come in."""
    return {
        "reward_id": order.reward_id,
        "order_id": order.event_id,
        "partition": place.partition,
        "offset": place.offset,
        "payload": encode(order),
        "kind": order.kind,
        "state": State.WAITING,
        "attempts": 0,
        "in_doubt": False,
        "taken_at": now,
        "due_at": now,
        "report_id": None,
        "report": None,
        "letter": None,
        "told": False,
        "remaining": None,
        "asked": None,
    }


def is_anew(row: Row, order: RewardGranted, place: LogPosition) -> bool:
    """Whether an order asks again for what wasn't delivered; not an earlier one, read again."""
    return bool(
        row["state"] != State.DELIVERED
        and place.offset > row["offset"]
        and order.event_id != row["order_id"]
        and report_id(order, FulfilmentOutcome.FAILED) != row["report_id"]
    )


def is_open(row: Row) -> bool:
    """Whether an order waits or is being asked for."""
    return row["state"] in (State.WAITING, State.ASKING)


def taken_again(row: Row, order: RewardGranted, place: LogPosition, now: Millis) -> Row:
    """The row of an order in the place of an earlier one for the same reward.

    What was asked for, and may have been carried out, is asked for with the same value again: it
    has the same idempotency key. One that is being asked for goes on.
    """
    again = dict(taken(order, place, now))
    if not is_open(row) and not row["in_doubt"]:
        return again
    asked = row["asked"]
    if asked is None and row["payload"] is not None:
        asked = decode_as(RewardGranted, row["payload"]).value_micros
    most = max(order.value_micros, asked or 0)
    again["payload"] = encode(msgspec.structs.replace(order, value_micros=most))
    again["remaining"] = order.value_micros if order.value_micros < most else None
    again |= {name: row[name] for name in ("attempts", "in_doubt", "asked")}
    if is_open(row):
        again["state"] = row["state"]
    return again


def is_news(row: Row, report: FulfilmentReported) -> bool:
    """Whether a report from the log says more than the journal knows."""
    if row["told"]:
        if row["state"] == State.PASSED:
            return True
        return bool(row["state"] == State.FAILED and report.outcome == FulfilmentOutcome.DELIVERED)
    if report.outcome == FulfilmentOutcome.DELIVERED or row["report_id"] is not None:
        return True
    order = decode_as(RewardGranted, row["payload"])
    return report_id(order, FulfilmentOutcome.FAILED) == report.event_id


def restored(row: Row | None, report: FulfilmentReported, now: Millis) -> Row:
    """The row of an order of which a report is all that is left to know."""
    return {
        "reward_id": report.reward_id,
        "order_id": row["order_id"] if row else None,
        "partition": row["partition"] if row else -1,
        "offset": row["offset"] if row else -1,
        "payload": None,
        "kind": report.kind,
        "state": State(report.outcome),
        "attempts": report.attempts,
        "in_doubt": False,
        "taken_at": row["taken_at"] if row else now,
        "due_at": now,
        "report_id": report.event_id,
        "report": encode(report),
        "letter": None,
        "told": True,
        "remaining": None,
        "asked": None,
    }

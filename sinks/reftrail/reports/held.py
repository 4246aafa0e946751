"""Held rewards that wait for a review, and adjustments by hand that wait for approval."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

from reftrail.reports.code_spelling import registered_spelling
from reftrail.reports.questions import number_from
from reftrail.reports.sql import rows

MOST: Final = 1000
"""The most rewards in one answer."""
USUAL: Final = 100
"""The number of rewards in one answer by default."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of whom: a code, a user, a campaign; empty for all."""

    code: str = ""
    user: str = ""
    campaign: str = ""
    most: int = USUAL


def held_rewards(client: Client, wanted: Wanted) -> list[dict[str, Any]]:
    """A row for each held reward, see `queries/review/held.sql`; blocks.

    evidence is a list of {"reason", "weight", "figures"}, money is in micros.
    """
    if wanted.code:
        wanted = replace(wanted, code=registered_spelling(client, wanted.code))
    return [_row(found) for found in rows(client, "review/held", **asdict(wanted))]


def waiting_adjustments(client: Client, wanted: Wanted) -> list[dict[str, Any]]:
    """A row for each adjustment that waits for approval, see `queries/review/adjustments.sql`.

    Blocks. Money is in micros.
    """
    if wanted.code:
        wanted = replace(wanted, code=registered_spelling(client, wanted.code))
    return rows(client, "review/adjustments", **asdict(wanted))


def most_of(given: str | None, usual: int = USUAL) -> int:
    """The limit that was asked for. Raises `BadQuestion`."""
    return usual if given is None else number_from("limit", given, MOST)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    evidence = found["evidence"]
    return found | {"evidence": [] if evidence is None else msgspec.json.decode(evidence)}

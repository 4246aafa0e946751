"""Held rewards that wait for a review: reasons, evidence and time limit."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

from reftrail.reports.code_spelling import registered_spelling
from reftrail.reports.questions import BadQuestion
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


def most_of(given: str | None, usual: int = USUAL) -> int:
    """The limit that was asked for. Raises `BadQuestion`."""
    if given is None:
        return usual
    if not given.isascii() or not given.isdecimal() or not 1 <= int(given) <= MOST:
        raise BadQuestion(f"limit is {given!r}; give a number from 1 to {MOST}")
    return int(given)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    evidence = found["evidence"]
    return found | {"evidence": [] if evidence is None else msgspec.json.decode(evidence)}

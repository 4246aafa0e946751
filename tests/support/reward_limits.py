"""Claims and campaigns for the tests of limits and bonuses."""

from typing import Any

from reftrail.contracts.decisions import Action, Role
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.testing import (
    Outline,
    claimed,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
UNIT = MICROS_PER_UNIT


def signed_up(user: str = "u1", at: str = "10:00", **overrides: Any) -> Outline:
    fields = {"user_id": user, "event_id": f"claim of {user}"}
    return claimed(Action.SIGNUP, overrides.pop("under", "AMY"), at, **(fields | overrides))


def both(entry: Any, *reasons: str, **overrides: Any) -> tuple[Outline, ...]:
    return tuple(entry(role, "AMY", *reasons, **overrides) for role in (REFERRER, REFEREE))

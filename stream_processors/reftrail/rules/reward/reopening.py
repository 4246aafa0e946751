"""Evolution of rewards that a review reinstates, and of bonuses that it can't any more."""

import msgspec

from reftrail.rules.cells import Cells
from reftrail.rules.reward.actions import first_attempt
from reftrail.rules.reward.state import ActionCell, ReferralCell
from reftrail.rules.reward.state_events import MilestoneGone, Reinstated

_replace = msgspec.structs.replace


def reopen(cells: Cells, key: str, referral: ReferralCell, event: Reinstated) -> None:
    """Prepare an action's sides for their grants: what is left of them, and their reservations."""
    cell_key = f"{key}:a:{event.action}"
    cell = cells.get(cell_key, ActionCell)
    assert cell.case is not None
    now = {side.role: side for side in event.sides}
    sides = tuple(
        _replace(side, taken_back=now[side.role].taken_back, reserved=now[side.role].reserved)
        if side.role in now
        else side
        for side in cell.case.sides
    )
    case = _replace(
        cell.case,
        sides=sides,
        reservations=event.reservations,
        user_reservations=event.user_reservations,
    )
    cells.put(cell_key, _replace(cell, case=case))
    if event.takes_turn:
        cells.put(key, _replace(referral, used=referral.used + 1))
    first_key = f"{key}:a:{first_attempt(event.action)}"
    begun = cells.get(first_key, ActionCell)
    ended = tuple(
        side
        for side in begun.ended_by_review
        if side.role not in now or side.currency != case.currency
    )
    cells.put(first_key, _replace(begun, ended_by_review=ended))


def lose(cells: Cells, key: str, event: MilestoneGone) -> None:
    """Keep that a bonus's milestone is lost, although the bonus had ended before."""
    cell_key = f"{key}:a:{event.action}"
    cell = cells.get(cell_key, ActionCell)
    assert cell.case is not None
    sides = tuple(_replace(side, is_lost=True) for side in cell.case.sides)
    cells.put(cell_key, _replace(cell, case=_replace(cell.case, sides=sides)))

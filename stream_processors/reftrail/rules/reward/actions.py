"""Names of the actions that earn, which are part of a reward's identity.

    signup
    purchase:ORDER
    nth_purchase:K, amount_reached:K
    milestone:CAMPAIGN:NAME

The last two are numbered where they are decided on again, such as `nth_purchase:3:2`.
"""

from typing import Final

from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import MilestoneChanged
from reftrail.rules.cells import escaped

_PARTS: Final = {Trigger.NTH_PURCHASE: 2, Trigger.AMOUNT_REACHED: 2, "milestone": 3}
"""How many parts name what is decided on; a further one is the number of the attempt."""


def of_order(order_id: str | None) -> str:
    """The action of an order."""
    return f"purchase:{order_id}"


def of_threshold(trigger: str, number: int, attempt: int = 1) -> str:
    """The action of the number-th reward by number or amount, at the attempt-th decision."""
    return _numbered(f"{trigger}:{number}", attempt)


def of_milestone(changed: MilestoneChanged) -> str:
    """The action of a milestone, which is reached for the `times`-th time.

    The campaign is named since a code may move to another one. Colons in names are escaped, so no
    milestone is called like another one's number.
    """
    name = f"milestone:{escaped(changed.campaign_id)}:{escaped(changed.name)}"
    return _numbered(name, changed.times)


def first_attempt(action: str) -> str | None:
    """The name of an action at its first decision; None where it is decided on once only."""
    parts = action.split(":")
    named_by = _PARTS.get(parts[0])
    return None if named_by is None else ":".join(parts[:named_by])


def _numbered(name: str, attempt: int) -> str:
    return name if attempt <= 1 else f"{name}:{attempt}"

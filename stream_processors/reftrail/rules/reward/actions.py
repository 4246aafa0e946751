"""Names of the actions that earn, which are part of a reward's identity.

    signup
    purchase:ORDER
    nth_purchase:K, amount_reached:K
    milestone:CAMPAIGN:NAME
    adjustment:ID

Those by number and milestones are numbered where they are decided on again, such as
`nth_purchase:3:2`.
"""

from typing import Final

from reftrail.contracts.adjustments import ACTION
from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import MilestoneChanged
from reftrail.rules.cells import escaped

_PARTS: Final = {Trigger.NTH_PURCHASE: 2, Trigger.AMOUNT_REACHED: 2, "milestone": 3}
"""The number of parts that name an action; a further one is the number of the attempt."""


def of_order(order_id: str | None) -> str:
    """The action of an order."""
    return f"purchase:{order_id}"


def action_of(claim: Claimed) -> str:
    """The action that a claim of a signup or purchase may earn by."""
    return of_order(claim.order_id) if claim.action == Action.PURCHASE else claim.action


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


def of_adjustment(adjustment_id: str) -> str:
    """The action of an adjustment by hand."""
    return f"{ACTION}:{adjustment_id}"


def first_attempt(action: str) -> str:
    """The name of an action at its first decision: its own where it is decided on once only."""
    parts = action.split(":")
    return ":".join(parts[: _PARTS.get(parts[0])])


def is_order(action: str) -> bool:
    """Whether an action is an order that earns by itself."""
    return action.startswith("purchase:")


def number_of(action: str) -> int | None:
    """The number of a reward by number or amount; None for other actions."""
    trigger, _, rest = action.partition(":")
    if trigger not in (Trigger.NTH_PURCHASE, Trigger.AMOUNT_REACHED):
        return None
    return int(rest.partition(":")[0])


def _numbered(name: str, attempt: int) -> str:
    return name if attempt <= 1 else f"{name}:{attempt}"

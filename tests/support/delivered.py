"""A partner's report that it has carried out an order."""

from typing import Any

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.external_inputs import FulfilmentReported


def delivered(order: RewardGranted, **given: Any) -> FulfilmentReported:
    """The report of an order that was carried out in one try."""
    return FulfilmentReported(
        **given,
        code=order.code,
        user_id=order.user_id,
        reward_id=order.reward_id,
        role=order.role,
        outcome="delivered",
        kind=order.kind,
        attempts=1,
        action=order.action,
    )

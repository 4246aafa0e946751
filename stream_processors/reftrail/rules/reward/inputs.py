"""Records on which the reward stage decides."""

from typing import TypeAlias

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.decisions import Claimed
from reftrail.contracts.external_inputs import FulfilmentReported, Reviewed
from reftrail.contracts.stage_messages import (
    LimitAnswered,
    MilestoneChanged,
    ReferralVoided,
    ReviewsCarried,
    SignalChecked,
    UsersKnown,
)
from reftrail.rules.decider import TimerFired

RewardInput: TypeAlias = (
    Claimed
    | SignalChecked
    | LimitAnswered
    | MilestoneChanged
    | ReferralVoided
    | ReviewsCarried
    | UsersKnown
    | Reviewed
    | Adjusted
    | AdjustmentDecided
    | FulfilmentReported
    | TimerFired
)
"""Records on which the reward stage decides."""


def user_of(record: RewardInput) -> str:
    """The user whose referral a record concerns; the beneficiary of a milestone."""
    return record.beneficiary if isinstance(record, MilestoneChanged) else record.user_id

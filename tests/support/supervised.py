"""A campaign whose larger adjustments need a second person's approval."""

from reftrail.contracts.policy import Adjustments, Policy
from reftrail.testing import Scenario
from support.reward_lives import UNIT, programme

ABOVE_100 = Policy(adjustments=Adjustments(approval_above_micros=100 * UNIT))


def supervised() -> Scenario:
    """A programme whose adjustments of more than 100 dollars need a second person."""
    return programme(ABOVE_100)

"""A seeded referral programme whose outcome is known: what to send, and what must come of it."""

from reftrail.simulator.occurrence import Occurrence, Step
from reftrail.simulator.programme import Programme
from reftrail.simulator.simulation import Simulation
from reftrail.simulator.truth import Attribution, Limit, RewardKey, Truth, Verdict

__all__ = [
    "Attribution",
    "Limit",
    "Occurrence",
    "Programme",
    "RewardKey",
    "Simulation",
    "Step",
    "Truth",
    "Verdict",
]

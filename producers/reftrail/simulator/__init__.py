"""A seeded referral programme whose outcome is known: what to send, and what must come of it."""

from reftrail.simulator.comparison import Comparison, Observed, compare, in_force, observed_verdict
from reftrail.simulator.occurrence import Occurrence, Step
from reftrail.simulator.programme import Programme
from reftrail.simulator.simulation import Simulation
from reftrail.simulator.truth import Attribution, FinalStatus, Limit, RewardKey, Truth, identity

__all__ = [
    "Attribution",
    "Comparison",
    "FinalStatus",
    "Limit",
    "Observed",
    "Occurrence",
    "Programme",
    "RewardKey",
    "Simulation",
    "Step",
    "Truth",
    "compare",
    "identity",
    "in_force",
    "observed_verdict",
]

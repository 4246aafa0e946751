"""A seeded referral programme whose outcome is known: what to send, and what must come of it."""

from reftrail.simulator.attributions import Attribution
from reftrail.simulator.by_hand import Booking
from reftrail.simulator.comparison import (
    Comparison,
    Observed,
    compare,
    entry_of,
    in_force,
    observed_verdict,
)
from reftrail.simulator.final_status import Entry, FinalStatus, RewardKey
from reftrail.simulator.occurrence import Occurrence, Step
from reftrail.simulator.plots import SUBSCRIPTIONS
from reftrail.simulator.programme import Programme
from reftrail.simulator.simulation import Simulation
from reftrail.simulator.truth import Limit, Truth, identity

__all__ = [
    "SUBSCRIPTIONS",
    "Attribution",
    "Booking",
    "Comparison",
    "Entry",
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
    "entry_of",
    "identity",
    "in_force",
    "observed_verdict",
]

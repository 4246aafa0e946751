"""Testing rules and whole programmes: stories told with given, when and then; a host in memory."""

from reftrail.engine.memory import LedgerLine, Logged, MemoryHost, Message, Step
from reftrail.engine.oracle import recompute, replay
from reftrail.testing.outlines import (
    Outline,
    attributed,
    campaign,
    claimed,
    click,
    code,
    converted,
    form_started,
    granted,
    late_touch,
    purchase,
    refund,
    rejected,
    reversed_reward,
    signup,
    to_fulfil,
    touched,
    view,
)
from reftrail.testing.scenario import Scenario, given
from reftrail.testing.times import duration, moment

__all__ = [
    "LedgerLine",
    "Logged",
    "MemoryHost",
    "Message",
    "Outline",
    "Scenario",
    "Step",
    "attributed",
    "campaign",
    "claimed",
    "click",
    "code",
    "converted",
    "duration",
    "form_started",
    "given",
    "granted",
    "late_touch",
    "moment",
    "purchase",
    "recompute",
    "refund",
    "rejected",
    "replay",
    "reversed_reward",
    "signup",
    "to_fulfil",
    "touched",
    "view",
]

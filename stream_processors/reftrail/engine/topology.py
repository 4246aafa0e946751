"""The topology: which stage reads what, decides by which rule, and writes and keeps what where.

Two more stages have their place here. velocity will stand between attribution and reward: the
attribution stage will then write its claims to `checks`, keyed by the first signal of each (ip,
device, network); velocity adds how many users claimed from that signal and sends the claim on to
the next one, at last to `claims`. milestone will come after reward: it reads `rewards`, keyed by
the referrer, and adds bonuses for the nth grant.

A conclusion that goes to no topic concerns the stage's own state only.
"""

from operator import attrgetter
from typing import Final

from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    Converted,
    RewardDecided,
    RewardGranted,
    Touched,
)
from reftrail.contracts.events import event_key
from reftrail.contracts.topics import (
    ATTRIBUTION_CHANGELOG,
    ATTRIBUTIONS,
    CLAIMS,
    CONVERSIONS,
    EVENTS,
    REWARD_CHANGELOG,
    REWARD_GRANTED,
    REWARDS,
    TOUCH_CHANGELOG,
    TOUCHES,
)
from reftrail.engine.stage import Cell, Stage
from reftrail.rules.attribution import (
    AttributionDecider,
    AttributionState,
    Postponed,
    SignedUp,
)
from reftrail.rules.ledger import CodeUses, OrderEarned, PairLedger, RefundNoted
from reftrail.rules.reward import RewardDecider
from reftrail.rules.touch import EarlierPeriod, TouchDecider, TouchState


def _code(claim: Claimed) -> str:
    """The code, such that it never looks like a `code:user` key, whatever somebody typed in."""
    return claim.code.replace("%", "%25").replace(":", "%3A")


def _code_and_user(claim: Claimed) -> str:
    return f"{_code(claim)}:{claim.user_id}"


TOPOLOGY: Final[tuple[Stage, ...]] = (
    Stage(
        "touch",
        reads=EVENTS,
        decider=TouchDecider(),
        cells=(Cell(event_key, TouchState),),
        writes={Touched: (TOUCHES,), Converted: (CONVERSIONS,), EarlierPeriod: ()},
        changelog=TOUCH_CHANGELOG,
    ),
    Stage(
        "attribution",
        reads=CONVERSIONS,
        decider=AttributionDecider(),
        cells=(Cell(attrgetter("user_id"), AttributionState),),
        writes={Attributed: (ATTRIBUTIONS,), Claimed: (CLAIMS,), SignedUp: (), Postponed: ()},
        changelog=ATTRIBUTION_CHANGELOG,
    ),
    Stage(
        "reward",
        reads=CLAIMS,
        decider=RewardDecider(),
        cells=(Cell(_code, CodeUses), Cell(_code_and_user, PairLedger)),
        writes={
            RewardDecided: (REWARDS,),
            RewardGranted: (REWARD_GRANTED,),
            OrderEarned: (),
            RefundNoted: (),
        },
        changelog=REWARD_CHANGELOG,
        looks_up_codes=True,
    ),
)

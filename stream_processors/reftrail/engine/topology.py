"""The topology: which stage reads what, decides by which rule, and writes and keeps what where.

    events ─▶ touch ─▶ conversions ─▶ attribution ─▶ reward-inputs ─▶ reward ─▶ rewards,
               └▶ touches               └▶ attributions, claims                 reward-granted

A stage reads one topic. What the reward stage decides on comes from many sides, and its order
decides money; so all of it goes to `reward-inputs`, whose partitions have it in one order for good.
Others read claims on `claims`.

A conclusion that goes to no topic concerns the stage's own state only.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final

from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    Converted,
    RewardDecided,
    RewardGranted,
    Touched,
)
from reftrail.contracts.events import event_key
from reftrail.contracts.life import LimitRequested
from reftrail.contracts.topics import (
    ATTRIBUTION_CHANGELOG,
    ATTRIBUTIONS,
    CLAIMS,
    CONVERSIONS,
    EVENTS,
    LIMITS,
    REWARD_CHANGELOG,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TOUCH_CHANGELOG,
    TOUCHES,
)
from reftrail.engine.stage import Cell, Codes, Stage
from reftrail.rules.attribution import (
    AttributionDecider,
    AttributionState,
    Postponed,
    SignedUp,
)
from reftrail.rules.decider import Refused
from reftrail.rules.ledger import CodeLedger, PairLedger
from reftrail.rules.notes import NOTES
from reftrail.rules.reward import RewardDecider
from reftrail.rules.touch import EarlierPeriod, TouchDecider, TouchState
from reftrail.rules.turn import user_of


def _code(record: Any) -> str:
    """The code, such that it never looks like a `code:user` key, whatever somebody typed in."""
    code: str = record.code.replace("%", "%25").replace(":", "%3A")
    return code


def _code_and_user(record: Any) -> str:
    return f"{_code(record)}:{user_of(record)}"


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
        writes={
            Attributed: (ATTRIBUTIONS,),
            Claimed: (CLAIMS, REWARD_INPUTS),
            SignedUp: (),
            Postponed: (),
        },
        changelog=ATTRIBUTION_CHANGELOG,
    ),
    Stage(
        "reward",
        reads=REWARD_INPUTS,
        takes=(Claimed,),
        decider=RewardDecider(),
        cells=(Cell(_code, CodeLedger), Cell(_code_and_user, PairLedger)),
        writes={
            RewardDecided: (REWARDS,),
            RewardGranted: (REWARD_GRANTED,),
            LimitRequested: (LIMITS,),
            Refused: (),
            **dict.fromkeys(NOTES, ()),
        },
        changelog=REWARD_CHANGELOG,
        looks_up_codes=Codes.OWN,
    ),
)

STAGES: Final[Mapping[str, Stage]] = {stage.name: stage for stage in TOPOLOGY}
"""The same by name."""

"""The topology: which stage reads what, decides by which rule, and writes and keeps what where.

    events                ─▶ touch        ─▶ touches, conversions
    conversions           ─▶ attribution  ─▶ attributions, claims, reward-inputs, checks
    ticks                 ─▶ ticks        ─▶ reward-inputs, checks
    checks                ─▶ velocity     ─▶ reward-inputs
    reviews, fulfilments  ─▶ (as called)  ─▶ reward-inputs
    reward-inputs         ─▶ reward       ─▶ rewards, reward-granted, limits, milestone-inputs
    limits                ─▶ limits       ─▶ limits, reward-inputs
    milestone-inputs      ─▶ milestone    ─▶ milestones, reward-inputs

A stage reads one topic. What the reward stage decides on comes from many sides, and its order
decides money; so all of it goes to `reward-inputs`, whose partitions have it in one order for good.
Others read claims on `claims`.

A conclusion that goes to no topic concerns the stage's own state only.
"""

from collections.abc import Mapping
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
from reftrail.contracts.life import (
    CheckRequested,
    FulfilmentReported,
    LimitAnswered,
    LimitRequested,
    MilestoneChanged,
    Reviewed,
    SignalChecked,
    Ticked,
)
from reftrail.contracts.topics import (
    ATTRIBUTION_CHANGELOG,
    ATTRIBUTIONS,
    CHECKS,
    CLAIMS,
    CONVERSIONS,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    LIMITS,
    LIMITS_CHANGELOG,
    MILESTONE_CHANGELOG,
    MILESTONE_INPUTS,
    MILESTONES,
    REVIEWS,
    REWARD_CHANGELOG,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TICKS,
    TOUCH_CHANGELOG,
    TOUCHES,
    VELOCITY_CHANGELOG,
    Topic,
)
from reftrail.engine.keys import (
    code_and_user_key,
    code_key,
    is_code_and_user,
    woken_pair,
    woken_signal,
)
from reftrail.engine.stage import Cell, Codes, Stage, Waking
from reftrail.rules import milestone, reward, velocity
from reftrail.rules.attribution import AttributionDecider
from reftrail.rules.attribution_state import AttributionState, LeftOpen, Postponed, SignedUp
from reftrail.rules.bonuses import is_bonus
from reftrail.rules.decider import Refused
from reftrail.rules.forwarding import Forwarder
from reftrail.rules.ledger import CodeLedger, PairLedger
from reftrail.rules.limits import LimitsDecider, LimitState, PlaceGivenBack, PlaceTaken
from reftrail.rules.notes import NOTES
from reftrail.rules.touch import EarlierPeriod, TouchDecider, TouchState

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
            CheckRequested: (CHECKS,),
            SignedUp: (),
            Postponed: (),
            LeftOpen: (),
        },
        changelog=ATTRIBUTION_CHANGELOG,
        looks_up_codes=Codes.ANY,
    ),
    Stage(
        "ticks",
        reads=TICKS,
        decider=Forwarder(),
        cells=(),
        writes={Ticked: (REWARD_INPUTS, CHECKS)},
        changelog=None,
    ),
    Stage(
        "velocity",
        reads=CHECKS,
        takes=(CheckRequested, Ticked),
        decider=velocity.VelocityDecider(),
        cells=(Cell(attrgetter("signal"), velocity.VelocityState),),
        writes={SignalChecked: (REWARD_INPUTS,), velocity.Seen: (), velocity.Forgotten: ()},
        changelog=VELOCITY_CHANGELOG,
        waking=Waking(due_at=velocity.wakes_at, woken=woken_signal),
    ),
    Stage(
        "reviews",
        reads=REVIEWS,
        decider=Forwarder(),
        cells=(),
        writes={Reviewed: (REWARD_INPUTS,)},
        changelog=None,
    ),
    Stage(
        "fulfilments",
        reads=FULFILMENTS,
        decider=Forwarder(),
        cells=(),
        writes={FulfilmentReported: (REWARD_INPUTS,)},
        changelog=None,
    ),
    Stage(
        "reward",
        reads=REWARD_INPUTS,
        takes=(
            Claimed,
            SignalChecked,
            LimitAnswered,
            MilestoneChanged,
            Reviewed,
            FulfilmentReported,
            Ticked,
        ),
        decider=reward.RewardDecider(),
        cells=(Cell(code_key, CodeLedger), Cell(code_and_user_key, PairLedger)),
        writes={
            RewardDecided: (REWARDS, MILESTONE_INPUTS),
            RewardGranted: (REWARD_GRANTED,),
            LimitRequested: (LIMITS,),
            Refused: (DEAD_LETTERS,),
            **dict.fromkeys(NOTES, ()),
        },
        only={MILESTONE_INPUTS: milestone.counts},
        changelog=REWARD_CHANGELOG,
        looks_up_codes=Codes.OWN,
        waking=Waking(due_at=reward.wakes_at, woken=woken_pair, owns=is_code_and_user),
    ),
    Stage(
        "limits",
        reads=LIMITS,
        decider=LimitsDecider(),
        cells=(Cell(LIMITS.key_of, LimitState),),
        writes={
            LimitRequested: (LIMITS,),
            LimitAnswered: (REWARD_INPUTS,),
            PlaceTaken: (),
            PlaceGivenBack: (),
        },
        changelog=LIMITS_CHANGELOG,
    ),
    Stage(
        "milestone",
        reads=MILESTONE_INPUTS,
        decider=milestone.MilestoneDecider(),
        cells=(Cell(attrgetter("beneficiary"), milestone.MilestoneState),),
        writes={
            MilestoneChanged: (MILESTONES, REWARD_INPUTS),
            milestone.Counted: (),
            milestone.MilestoneNoted: (),
        },
        only={REWARD_INPUTS: is_bonus},
        changelog=MILESTONE_CHANGELOG,
    ),
)

STAGES: Final[Mapping[str, Stage]] = {stage.name: stage for stage in TOPOLOGY}
"""The same by name."""


def awaited(topology: tuple[Stage, ...]) -> frozenset[Topic]:
    """Topics that a stage reads, or whoever fulfils rewards: what goes there shouldn't linger."""
    return frozenset({stage.reads for stage in topology} | {REWARD_GRANTED})

"""The topology: which stage reads what, decides by which rule, and writes and keeps what where.

    events                ─▶ touch        ─▶ touches, conversions, attribution-inputs
    attribution-inputs    ─▶ attribution  ─▶ attributions, claims, reward-inputs, checks
    ticks                 ─▶ ticks        ─▶ attribution-inputs, reward-inputs, checks, limits
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
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    Converted,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
    Touched,
)
from reftrail.contracts.events import event_key
from reftrail.contracts.external_inputs import FulfilmentReported, Reviewed, Ticked
from reftrail.contracts.record import DAY, HOUR, Millis, Record
from reftrail.contracts.stage_messages import (
    CheckRequested,
    LimitAnswered,
    LimitRequested,
    MilestoneChanged,
    SignalChecked,
)
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ATTRIBUTION_CHANGELOG,
    ATTRIBUTION_INPUTS,
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
)
from reftrail.engine.keys import woken_action, woken_deed, woken_limit, woken_signal, woken_visitor
from reftrail.engine.stage import Cell, CellFamily, Codes, Stage, Waking
from reftrail.rules import limits, milestone, velocity
from reftrail.rules.attribution import state as attribution
from reftrail.rules.attribution.decider import AttributionDecider
from reftrail.rules.attribution.waiting import due_at
from reftrail.rules.decider import Refused, Woken
from reftrail.rules.forwarding import Forwarder
from reftrail.rules.limits import (
    DayForgotten,
    LimitsDecider,
    LimitState,
    PlaceGivenBack,
    PlaceTaken,
)
from reftrail.rules.reward import keys as reward_keys
from reftrail.rules.reward.bonuses import is_bonus
from reftrail.rules.reward.decider import RewardDecider, wakes_at
from reftrail.rules.reward.state_events import STATE_EVENTS
from reftrail.rules.touch import state as touch
from reftrail.rules.touch.conclusions import EarlierPeriod, VisitorForgotten
from reftrail.rules.touch.decider import TouchDecider
from reftrail.rules.touch.state import TouchState


def _code_key(record: Any) -> str:
    return reward_keys.code_key(record.code)


def _user_key(record: Any) -> str:
    return attribution.user_key(record.user_id)


def _limit_key(record: LimitRequested | Woken) -> str:
    return record.action if isinstance(record, Woken) else LIMITS.key_of(record)


def _hour_of_yesterday(event: Record, appended_at: Millis) -> Millis:
    """The hour that began a day before an event was received.

    By then no event should be on its way any more that was received in that hour. What is read
    later, as from a copy of the log, tells the time of its receipt; none is later than the broker's
    time, whatever a foreign writer says.
    """
    return (min(event.received_at, appended_at) - DAY) // HOUR * HOUR


def _is_waiting(key: str) -> bool:
    return ":" in key


TOPOLOGY: Final[tuple[Stage, ...]] = (
    Stage(
        "touch",
        reads=EVENTS,
        decider=TouchDecider(),
        cells=(Cell(event_key, TouchState),),
        writes={
            Touched: (TOUCHES,),
            Converted: (CONVERSIONS, ATTRIBUTION_INPUTS),
            EarlierPeriod: (),
            VisitorForgotten: (),
        },
        changelog=TOUCH_CHANGELOG,
        looks_up_codes=Codes.ANY,
        waking=Waking(due_at=touch.wakes_at, woken=woken_visitor, time_of=_hour_of_yesterday),
    ),
    Stage(
        "attribution",
        reads=ATTRIBUTION_INPUTS,
        takes=(Converted, Ticked),
        decider=AttributionDecider(),
        cells=(),
        family=CellFamily(_user_key, attribution.kind_of, grouped=True),
        writes={
            Attributed: (ATTRIBUTIONS,),
            Claimed: (CLAIMS, REWARD_INPUTS),
            CheckRequested: (CHECKS,),
            Refused: (DEAD_LETTERS,),
            **dict.fromkeys(attribution.STATE_EVENTS, ()),
        },
        changelog=ATTRIBUTION_CHANGELOG,
        looks_up_codes=Codes.ANY,
        waking=Waking(due_at=due_at, woken=woken_deed, owns=_is_waiting),
    ),
    Stage(
        "ticks",
        reads=TICKS,
        decider=Forwarder(),
        cells=(),
        writes={Ticked: (ATTRIBUTION_INPUTS, REWARD_INPUTS, CHECKS, LIMITS)},
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
        decider=RewardDecider(),
        cells=(),
        family=CellFamily(_code_key, reward_keys.kind_of),
        writes={
            RewardDecided: (REWARDS, MILESTONE_INPUTS),
            RewardGranted: (REWARD_GRANTED,),
            RewardWithdrawn: (REWARD_GRANTED,),
            LimitRequested: (LIMITS,),
            Refused: (DEAD_LETTERS,),
            **dict.fromkeys(STATE_EVENTS, ()),
        },
        only={MILESTONE_INPUTS: milestone.counts},
        changelog=REWARD_CHANGELOG,
        looks_up_codes=Codes.OWN,
        waking=Waking(due_at=wakes_at, woken=woken_action, owns=reward_keys.has_timer),
    ),
    Stage(
        "limits",
        reads=LIMITS,
        takes=(LimitRequested, Ticked),
        decider=LimitsDecider(),
        cells=(Cell(_limit_key, LimitState),),
        writes={
            LimitRequested: (LIMITS,),
            LimitAnswered: (REWARD_INPUTS,),
            PlaceTaken: (),
            PlaceGivenBack: (),
            DayForgotten: (),
        },
        changelog=LIMITS_CHANGELOG,
        waking=Waking(due_at=limits.wakes_at, woken=woken_limit),
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


def topology_with(*, signup_wait: Millis) -> tuple[Stage, ...]:
    """The topology in which purchases and refunds wait so long for their user's signup."""
    decider = AttributionDecider(signup_wait)
    return tuple(
        replace(stage, decider=decider) if stage.name == "attribution" else stage
        for stage in TOPOLOGY
    )


def awaited(topology: tuple[Stage, ...]) -> frozenset[Topic]:
    """Topics that a stage reads, or whoever fulfils rewards: what goes there shouldn't linger."""
    return frozenset({stage.reads for stage in topology} | {REWARD_GRANTED})

"""The topology: which stage reads what, decides by which rule, and writes and keeps what where.

    events                ─▶ touch        ─▶ touches, conversions, attribution-inputs, checks
    attribution-inputs    ─▶ attribution  ─▶ attributions, claims, reward-inputs, checks
                                             attribution-inputs, limits
    ticks                 ─▶ ticks        ─▶ attribution-inputs, reward-inputs, checks, limits
    checks                ─▶ velocity     ─▶ reward-inputs
    reviews, adjustments, ─▶ (as called)  ─▶ reward-inputs
    fulfilments
    reward-inputs         ─▶ reward       ─▶ rewards, reward-granted, limits, milestone-inputs
    limits                ─▶ limits       ─▶ limits, reward-inputs
    milestone-inputs      ─▶ milestone    ─▶ milestones, reward-inputs

A stage reads one topic. What the reward stage decides on comes from many sides, and its order
decides money; so all of it goes to `reward-inputs`, whose partitions have it in one order for good.
Others read claims on `claims`.

An event that goes to no topic concerns the stage's own state only.
"""

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.changelogs import (
    ATTRIBUTION_CHANGELOG,
    LIMITS_CHANGELOG,
    MILESTONE_CHANGELOG,
    REWARD_CHANGELOG,
    TOUCH_CHANGELOG,
    VELOCITY_CHANGELOG,
)
from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
)
from reftrail.contracts.events import event_key
from reftrail.contracts.external_inputs import FulfilmentReported, Reviewed, Ticked
from reftrail.contracts.record import DAY, HOUR, Millis, Record
from reftrail.contracts.stage_messages import (
    CheckRequested,
    Forwarded,
    LimitAnswered,
    LimitRequested,
    MilestoneChanged,
    OrderAsked,
    PersonKnown,
    ReferralVoided,
    ReviewsCarried,
    SignalChecked,
    UserSeen,
    UsersKnown,
)
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    ATTRIBUTION_INPUTS,
    ATTRIBUTIONS,
    CHECKS,
    CLAIMS,
    CONVERSIONS,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    LIMITS,
    MILESTONE_INPUTS,
    MILESTONES,
    REVIEWS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TICKS,
    TOUCHES,
)
from reftrail.engine.keys import (
    action_timer_fired,
    limit_timer_fired,
    signal_timer_fired,
    user_timer_fired,
    visitor_timer_fired,
)
from reftrail.engine.stage import Cell, CellFamily, Codes, Stage, TimerSpec
from reftrail.rules import limits, milestone, velocity
from reftrail.rules.attribution import state as attribution
from reftrail.rules.attribution.bounds import DEFAULT, Bounds
from reftrail.rules.attribution.decider import SIGNUP_WAIT, AttributionDecider
from reftrail.rules.attribution.expiry import REMEMBERED_LONGER
from reftrail.rules.attribution.state_events import STATE_EVENTS as ATTRIBUTION_EVENTS
from reftrail.rules.attribution.waiting import EndedReferral, KeptAction, due_at
from reftrail.rules.decider import Decider, Refused, TimerFired
from reftrail.rules.forwarding import Forwarder
from reftrail.rules.limits import (
    DayForgotten,
    LimitReleased,
    LimitReserved,
    LimitsDecider,
    LimitState,
)
from reftrail.rules.order_questions import QuestionRemembered, QuestionsForgotten
from reftrail.rules.reward import keys as reward_keys
from reftrail.rules.reward.bonuses import is_bonus
from reftrail.rules.reward.decider import RewardDecider, wakes_at
from reftrail.rules.reward.state_events import STATE_EVENTS as REWARD_EVENTS
from reftrail.rules.touch import state as touch
from reftrail.rules.touch.decider import TouchDecider
from reftrail.rules.touch.events import (
    EarlierPeriod,
    TouchedUnderEndedCode,
    UserRefused,
    VisitorForgotten,
    VisitorIdentified,
)
from reftrail.rules.touch.state import TouchState


def _code_key(record: Any) -> str:
    return reward_keys.code_key(record.code)


def _user_key(record: Any) -> str:
    return attribution.user_key(record.user_id)


def _limit_key(record: LimitRequested | OrderAsked | TimerFired) -> str:
    return record.action if isinstance(record, TimerFired) else LIMITS.key_of(record)


def _hour_of_yesterday(event: Record, appended_at: Millis) -> Millis:
    """The hour that began a day before an event was received.

    By then no event should be on its way any more that was received in that hour. What is read
    later, as from a copy of the log, tells the time of its receipt; none is later than the broker's
    time, whatever a foreign writer says.
    """
    received_at = event.received_at
    told = min(appended_at, received_at)  # as min, in half the time
    return (told - DAY) // HOUR * HOUR


def _is_waiting(key: str) -> bool:
    return ":" in key and attribution.kind_of(key) not in (KeptAction, EndedReferral)


TOPOLOGY: Final[tuple[Stage, ...]] = (
    Stage(
        "touch",
        reads=EVENTS,
        decider=TouchDecider(),
        cells=(Cell(event_key, TouchState, touch.NOBODY),),
        writes={
            Touched: (TOUCHES,),
            Converted: (CONVERSIONS, ATTRIBUTION_INPUTS),
            UserSeen: (CHECKS, ATTRIBUTION_INPUTS),
            Refused: (DEAD_LETTERS,),
            EarlierPeriod: (),
            TouchedUnderEndedCode: (),
            VisitorIdentified: (),
            UserRefused: (),
            VisitorForgotten: (),
        },
        changelog=TOUCH_CHANGELOG,
        looks_up_codes=Codes.ANY,
        timers=TimerSpec(
            due_at=touch.wakes_at, fired=visitor_timer_fired, time_of=_hour_of_yesterday
        ),
    ),
    Stage(
        "attribution",
        reads=ATTRIBUTION_INPUTS,
        takes=(Converted, Forwarded, UserSeen, Ticked),
        decider=AttributionDecider(),
        cells=(),
        family=CellFamily(_user_key, attribution.kind_of, grouped=True),
        writes={
            Attributed: (ATTRIBUTIONS,),
            Claimed: (CLAIMS, REWARD_INPUTS),
            CheckRequested: (CHECKS,),
            UserSeen: (CHECKS,),
            OrderAsked: (LIMITS,),
            ReferralVoided: (REWARD_INPUTS,),
            UsersKnown: (REWARD_INPUTS,),
            Forwarded: (ATTRIBUTION_INPUTS,),
            Refused: (DEAD_LETTERS,),
            **dict.fromkeys(ATTRIBUTION_EVENTS, ()),
        },
        changelog=ATTRIBUTION_CHANGELOG,
        looks_up_codes=Codes.ANY,
        timers=TimerSpec(due_at=due_at, fired=user_timer_fired, owns=_is_waiting),
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
        takes=(CheckRequested, PersonKnown, UserSeen, Ticked),
        decider=velocity.VelocityDecider(),
        cells=(Cell(attrgetter("signal"), velocity.VelocityState),),
        writes={
            SignalChecked: (REWARD_INPUTS,),
            velocity.Seen: (),
            velocity.SeenOnly: (),
            velocity.Joined: (),
            velocity.Forgotten: (),
        },
        changelog=VELOCITY_CHANGELOG,
        timers=TimerSpec(due_at=velocity.wakes_at, fired=signal_timer_fired),
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
        "adjustments",
        reads=ADJUSTMENTS,
        takes=ADJUSTMENTS.records,
        decider=Forwarder(),
        cells=(),
        writes={Adjusted: (REWARD_INPUTS,), AdjustmentDecided: (REWARD_INPUTS,)},
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
            ReferralVoided,
            ReviewsCarried,
            UsersKnown,
            Reviewed,
            Adjusted,
            AdjustmentDecided,
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
            Claimed: (CLAIMS, REWARD_INPUTS),
            CheckRequested: (CHECKS,),
            PersonKnown: (CHECKS,),
            ReviewsCarried: (REWARD_INPUTS,),
            ReferralVoided: (REWARD_INPUTS,),
            LimitRequested: (LIMITS,),
            OrderAsked: (LIMITS,),
            Refused: (DEAD_LETTERS,),
            **dict.fromkeys(REWARD_EVENTS, ()),
        },
        only={MILESTONE_INPUTS: milestone.counts},
        changelog=REWARD_CHANGELOG,
        looks_up_codes=Codes.OWN,
        timers=TimerSpec(due_at=wakes_at, fired=action_timer_fired, owns=reward_keys.has_timer),
    ),
    Stage(
        "limits",
        reads=LIMITS,
        takes=(LimitRequested, OrderAsked, Ticked),
        decider=LimitsDecider(REMEMBERED_LONGER * SIGNUP_WAIT),
        cells=(Cell(_limit_key, LimitState),),
        writes={
            LimitRequested: (LIMITS,),
            LimitAnswered: (REWARD_INPUTS,),
            Claimed: (REWARD_INPUTS,),
            Refused: (DEAD_LETTERS,),
            LimitReserved: (),
            LimitReleased: (),
            DayForgotten: (),
            QuestionRemembered: (),
            QuestionsForgotten: (),
        },
        changelog=LIMITS_CHANGELOG,
        timers=TimerSpec(due_at=limits.wakes_at, fired=limit_timer_fired),
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


def topology_with(
    *, signup_wait: Millis = SIGNUP_WAIT, bounds: Bounds = DEFAULT
) -> tuple[Stage, ...]:
    """The topology with settings of attribution.

    signup_wait is how long purchases and refunds wait for their user's signup; a refund that has
    waited is remembered by `REMEMBERED_LONGER` times that. bounds are those of a decision about
    merged users.
    """
    deciders: Mapping[str, Decider[Any]] = {
        "attribution": AttributionDecider(signup_wait, bounds),
        "limits": LimitsDecider(REMEMBERED_LONGER * signup_wait),
    }
    return tuple(
        replace(stage, decider=deciders[stage.name]) if stage.name in deciders else stage
        for stage in TOPOLOGY
    )


def low_latency_topics(topology: tuple[Stage, ...]) -> frozenset[Topic]:
    """Topics that a stage or fulfilment reads: what goes there shouldn't linger."""
    return frozenset({stage.reads for stage in topology} | {REWARD_GRANTED})

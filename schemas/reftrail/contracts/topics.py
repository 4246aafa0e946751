"""The topic table: what each topic carries, under which key, for how long, and who uses it.

Nothing else spells a topic's name. Every keyed topic of an installation has the same number of
partitions, so that equal keys meet in one worker.
"""

from operator import attrgetter
from typing import Final

from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    Converted,
    DeadLettered,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
    Touched,
)
from reftrail.contracts.events import Event, event_key
from reftrail.contracts.external_inputs import FulfilmentReported, Listed, Reviewed, Ticked
from reftrail.contracts.record import DAY, Record
from reftrail.contracts.reference import (
    CampaignDefined,
    CodeActed,
    CodeChanged,
    CodeFormatDefined,
)
from reftrail.contracts.stage_messages import LookedUp, MilestoneChanged
from reftrail.contracts.topic import Topic
from reftrail.contracts.topic_keys import (
    campaign_version,
    code_and_user,
    code_or_campaign,
    code_or_tick,
    code_part,
    dead_letter_key,
    limit_or_tick,
    looking_stage,
    signal_or_tick,
    subject_and_value,
    tick_key,
    user_or_tick,
)

EVENTS: Final = Topic(
    "events",
    "visitor_id; user_id for purchase and refund",
    Event,
    written_by="collector",
    read_by=("touch", "warehouse"),
    key_of=event_key,
    kept=90 * DAY,
)
CODES: Final = Topic(
    "codes",
    "code",
    CodeChanged,
    compacted=True,
    written_by="codes",
    read_by=("collector", "touch", "attribution", "reward", "warehouse"),
    key_of=attrgetter("code"),
)
CODE_FORMATS: Final = Topic(
    "code-formats",
    "name",
    CodeFormatDefined,
    compacted=True,
    written_by="codes",
    read_by=("collector", "warehouse"),
    key_of=attrgetter("name"),
)
CODE_ACTS: Final = Topic(
    "code-acts",
    "code; campaign_id for batches of derived codes",
    CodeActed,
    written_by="codes",
    read_by=("warehouse",),
    key_of=code_or_campaign,
)
CAMPAIGNS: Final = Topic(
    "campaigns",
    "campaign_id@version",
    CampaignDefined,
    compacted=True,
    written_by="campaigns",
    read_by=("collector", "touch", "attribution", "reward", "warehouse"),
    key_of=campaign_version,
)
TOUCHES: Final = Topic(
    "touches",
    "visitor_id",
    Touched,
    compacted=True,
    written_by="touch",
    read_by=("warehouse",),
    key_of=attrgetter("visitor_id"),
)
CONVERSIONS: Final = Topic(
    "conversions",
    "user_id",
    Converted,
    kept=90 * DAY,
    written_by="touch",
    read_by=("codes", "warehouse"),
    key_of=attrgetter("user_id"),
)
ATTRIBUTION_INPUTS: Final = Topic(
    "attribution-inputs",
    "user_id; a key of each partition for ticks",
    Record,
    kept=90 * DAY,
    public=False,
    written_by="touch, ticks",
    read_by=("attribution",),
    key_of=user_or_tick,
)
ATTRIBUTIONS: Final = Topic(
    "attributions",
    "user_id",
    Attributed,
    written_by="attribution",
    read_by=("warehouse",),
    key_of=attrgetter("user_id"),
)
CLAIMS: Final = Topic(
    "claims",
    "code",
    Claimed,
    kept=90 * DAY,
    written_by="attribution",
    read_by=("warehouse",),
    key_of=attrgetter("code"),
)
REWARDS: Final = Topic(
    "rewards",
    "code:user_id",
    RewardDecided,
    partitioned_by=code_part,
    written_by="reward",
    read_by=("warehouse",),
    key_of=code_and_user,
)
REWARD_GRANTED: Final = Topic(
    "reward-granted",
    "code:user_id",
    RewardGranted,
    partitioned_by=code_part,
    written_by="reward",
    read_by=("fulfilment", "warehouse"),
    key_of=code_and_user,
    also=(RewardWithdrawn,),
)
DEAD_LETTERS: Final = Topic(
    "dead-letters",
    "topic:partition of the message",
    DeadLettered,
    written_by="every stage and sink",
    read_by=("warehouse",),
    key_of=dead_letter_key,
)
LISTS: Final = Topic(
    "lists",
    "subject:value",
    Listed,
    written_by="lists",
    read_by=("reward", "warehouse"),
    key_of=subject_and_value,
)
REVIEWS: Final = Topic(
    "reviews",
    "code:user_id",
    Reviewed,
    partitioned_by=code_part,
    written_by="analysts",
    read_by=("reviews", "warehouse"),
    key_of=code_and_user,
)
FULFILMENTS: Final = Topic(
    "fulfilments",
    "code:user_id",
    FulfilmentReported,
    partitioned_by=code_part,
    written_by="fulfilment",
    read_by=("fulfilments", "fulfilment", "warehouse"),
    key_of=code_and_user,
)
MILESTONES: Final = Topic(
    "milestones",
    "beneficiary",
    MilestoneChanged,
    written_by="milestone",
    read_by=("warehouse",),
    key_of=attrgetter("beneficiary"),
)
TICKS: Final = Topic(
    "ticks",
    "a key of each partition",
    Ticked,
    kept=90 * DAY,
    public=False,
    written_by="ticker",
    read_by=("ticks",),
    key_of=tick_key,
)
CHECKS: Final = Topic(
    "checks",
    "signal; a key of each partition for ticks",
    Record,
    kept=90 * DAY,
    public=False,
    written_by="attribution, ticks",
    read_by=("velocity",),
    key_of=signal_or_tick,
)
LIMITS: Final = Topic(
    "limits",
    "the limit to pass next; a key of each partition for ticks",
    Record,
    kept=90 * DAY,
    public=False,
    written_by="reward, limits, ticks",
    read_by=("limits",),
    key_of=limit_or_tick,
)
REWARD_INPUTS: Final = Topic(
    "reward-inputs",
    "code; a key of each partition for ticks",
    Record,
    kept=90 * DAY,
    public=False,
    written_by="attribution, velocity, limits, milestone, reviews, fulfilments, ticks",
    read_by=("reward",),
    key_of=code_or_tick,
)
MILESTONE_INPUTS: Final = Topic(
    "milestone-inputs",
    "beneficiary",
    RewardDecided,
    kept=90 * DAY,
    public=False,
    written_by="reward",
    read_by=("milestone",),
    key_of=attrgetter("beneficiary"),
)
LOOKUPS: Final = Topic(
    "lookups",
    "stage:partition of the input",
    LookedUp,
    kept=92
    * DAY,  # the inputs' 90 days, the day for which a fact may not be repeated, and one more
    public=False,
    written_by="touch, attribution, reward, milestone",
    read_by=("explain",),
    key_of=looking_stage,
)
VELOCITY_CHANGELOG: Final = Topic(
    "velocity-changelog",
    "signal",
    None,
    compacted=True,
    public=False,
    written_by="velocity",
    read_by=("velocity",),
    key_of=str,
)
LIMITS_CHANGELOG: Final = Topic(
    "limits-changelog",
    "limit",
    None,
    compacted=True,
    public=False,
    written_by="limits",
    read_by=("limits",),
    key_of=str,
)
MILESTONE_CHANGELOG: Final = Topic(
    "milestone-changelog",
    "beneficiary",
    None,
    compacted=True,
    public=False,
    written_by="milestone",
    read_by=("milestone",),
    key_of=str,
)
TOUCH_CHANGELOG: Final = Topic(
    "touch-changelog",
    "visitor_id",
    None,
    compacted=True,
    public=False,
    written_by="touch",
    read_by=("touch",),
    key_of=str,
)
ATTRIBUTION_CHANGELOG: Final = Topic(
    "attribution-changelog",
    "user_id; user_id:w:event_id",
    None,
    compacted=True,
    public=False,
    written_by="attribution",
    read_by=("attribution",),
    key_of=str,
)
REWARD_CHANGELOG: Final = Topic(
    "reward-changelog",
    "code; code:user_id; code:user_id:kind:name",
    None,
    compacted=True,
    public=False,
    partitioned_by=code_part,
    written_by="reward",
    read_by=("reward",),
    key_of=str,
)

TOPICS: Final = (
    EVENTS,
    CODES,
    CODE_FORMATS,
    CODE_ACTS,
    CAMPAIGNS,
    TOUCHES,
    CONVERSIONS,
    ATTRIBUTIONS,
    CLAIMS,
    REWARDS,
    REWARD_GRANTED,
    LISTS,
    REVIEWS,
    FULFILMENTS,
    MILESTONES,
    DEAD_LETTERS,
    TICKS,
    ATTRIBUTION_INPUTS,
    CHECKS,
    LIMITS,
    REWARD_INPUTS,
    MILESTONE_INPUTS,
    LOOKUPS,
    TOUCH_CHANGELOG,
    ATTRIBUTION_CHANGELOG,
    VELOCITY_CHANGELOG,
    LIMITS_CHANGELOG,
    REWARD_CHANGELOG,
    MILESTONE_CHANGELOG,
)
PUBLIC_TOPICS: Final = tuple(topic for topic in TOPICS if topic.public)

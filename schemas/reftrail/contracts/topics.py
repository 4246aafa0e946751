"""The topic table: what each topic carries, under which key, for how long, and who uses it.

Nothing else spells the name of a topic; the rows for the state of stages are in `changelogs`. All
keyed topics of an installation have the same number of partitions, so that equal keys meet in one
worker.
"""

from operator import attrgetter
from typing import Final

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.api_keys import ApiKeyChanged, ApiKeyUsed
from reftrail.contracts.changelogs import CHANGELOGS
from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    DeadLettered,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
)
from reftrail.contracts.events import Event, event_key
from reftrail.contracts.external_inputs import FulfilmentReported, Listed, Reviewed, Ticked
from reftrail.contracts.matches import InstallMatched, LinkClicked
from reftrail.contracts.payouts import StatementChanged, StatementLine, StatementPrepared
from reftrail.contracts.record import DAY, HOUR, Record
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
    key_at_host,
    limit_or_tick,
    looking_stage,
    signal_or_tick,
    subject_and_value,
    tick_key,
    user_or_tick,
)

EVENTS: Final = Topic(
    "events",
    "visitor_id; user_id for purchase, refund, disputes and users_merged",
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
API_KEYS: Final = Topic(
    "api-keys",
    "name",
    ApiKeyChanged,
    compacted=True,
    public=False,
    written_by="codes",
    read_by=("collector", "warehouse"),
    key_of=attrgetter("name"),
)
API_KEY_USES: Final = Topic(
    "api-key-uses",
    "key_id@host",
    ApiKeyUsed,
    compacted=True,
    public=False,
    written_by="collector, warehouse",
    read_by=("codes",),
    key_of=key_at_host,
)
LINK_CLICKS: Final = Topic(
    "link-clicks",
    "device_hash",
    LinkClicked,
    kept=2 * HOUR,
    public=False,
    written_by="collector",
    read_by=("collector",),
    key_of=attrgetter("device_hash"),
)
INSTALL_MATCHES: Final = Topic(
    "install-matches",
    "click_key",
    InstallMatched,
    kept=8 * DAY,  # a day more than the click in a request may be old
    public=False,
    written_by="collector",
    read_by=("collector",),
    key_of=attrgetter("click_key"),
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
    written_by="touch, attribution, ticks",
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
    written_by="attribution, reward",
    read_by=("warehouse",),
    key_of=attrgetter("code"),
)
REWARDS: Final = Topic(
    "rewards",
    "code:user_id",
    RewardDecided,
    partitioned_by=code_part,
    written_by="reward",
    read_by=("payouts", "warehouse"),
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
ADJUSTMENTS: Final = Topic(
    "adjustments",
    "code:user_id",
    Adjusted,
    partitioned_by=code_part,
    written_by="analysts",
    read_by=("collector", "adjustments", "warehouse"),
    key_of=code_and_user,
    also=(AdjustmentDecided,),
)
FULFILMENTS: Final = Topic(
    "fulfilments",
    "code:user_id",
    FulfilmentReported,
    partitioned_by=code_part,
    written_by="fulfilment, payouts",
    read_by=("fulfilments", "fulfilment", "warehouse"),
    key_of=code_and_user,
)
PAYOUTS: Final = Topic(
    "payouts",
    "beneficiary",
    StatementPrepared,
    written_by="payouts",
    read_by=("payouts", "warehouse"),
    key_of=attrgetter("beneficiary"),
    also=(StatementLine, StatementChanged),
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
    written_by="touch, attribution, reward, ticks",
    read_by=("velocity",),
    key_of=signal_or_tick,
)
LIMITS: Final = Topic(
    "limits",
    "the limit to pass next; a key of each partition for ticks",
    Record,
    kept=90 * DAY,
    public=False,
    written_by="attribution, reward, limits, ticks",
    read_by=("limits",),
    key_of=limit_or_tick,
)
REWARD_INPUTS: Final = Topic(
    "reward-inputs",
    "code; a key of each partition for ticks",
    Record,
    kept=90 * DAY,
    public=False,
    written_by="attribution, velocity, limits, milestone, reward, reviews, adjustments, "
    "fulfilments, ticks",
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
    kept=92 * DAY,  # its inputs' 90 days, the day in which a fact isn't repeated, and one more
    public=False,
    written_by="touch, attribution, reward, milestone",
    read_by=("explain",),
    key_of=looking_stage,
)

TOPICS: Final = (
    EVENTS,
    CODES,
    CODE_FORMATS,
    CODE_ACTS,
    API_KEYS,
    API_KEY_USES,
    LINK_CLICKS,
    INSTALL_MATCHES,
    CAMPAIGNS,
    TOUCHES,
    CONVERSIONS,
    ATTRIBUTIONS,
    CLAIMS,
    REWARDS,
    REWARD_GRANTED,
    LISTS,
    REVIEWS,
    ADJUSTMENTS,
    FULFILMENTS,
    PAYOUTS,
    MILESTONES,
    DEAD_LETTERS,
    TICKS,
    ATTRIBUTION_INPUTS,
    CHECKS,
    LIMITS,
    REWARD_INPUTS,
    MILESTONE_INPUTS,
    LOOKUPS,
    *CHANGELOGS,
)
PUBLIC_TOPICS: Final = tuple(topic for topic in TOPICS if topic.public)

"""Message keys of the topics: the text under which a record is written."""

from typing import Any

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.api_keys import ApiKeyUsed
from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import DeadLettered, RewardDecided, RewardGranted, RewardWithdrawn
from reftrail.contracts.external_inputs import FulfilmentReported, Listed, Reviewed, Ticked
from reftrail.contracts.partitions import key_in
from reftrail.contracts.reference import CampaignDefined, CodeActed
from reftrail.contracts.stage_messages import (
    CheckRequested,
    Forwarded,
    LimitRequested,
    LookedUp,
    OrderAsked,
    PersonKnown,
    UserSeen,
)


def code_and_user(
    record: RewardDecided
    | RewardGranted
    | RewardWithdrawn
    | Reviewed
    | Adjusted
    | AdjustmentDecided
    | FulfilmentReported,
) -> str:
    """Code and user of what concerns a referral."""
    return f"{record.code}:{record.user_id}"


def code_or_campaign(record: CodeActed) -> str:
    """The code acted on; the campaign for batches of derived codes, which have none."""
    return record.code or record.campaign_id


def key_at_host(record: ApiKeyUsed) -> str:
    """One of a key's secrets, and the host at which it was used."""
    return f"{record.key_id}@{record.host}"


def subject_and_value(record: Listed) -> str:
    """The subject of an entry of the lists."""
    return f"{record.subject}:{record.value}"


def tick_key(record: Ticked) -> str:
    """A key that leads to the partition in which the tick tells the time."""
    return key_in(record.partition, record.partitions)


def user_or_tick(record: Converted | Forwarded | UserSeen | Ticked) -> str:
    """The user of a conversion; ticks go to their partition."""
    return tick_key(record) if type(record) is Ticked else record.user_id


def code_or_tick(record: Any) -> str:
    """The code of a record of whatever type; ticks go to their partition."""
    code: str = tick_key(record) if type(record) is Ticked else record.code
    return code


def signal_or_tick(record: CheckRequested | PersonKnown | UserSeen | Ticked) -> str:
    """The signal that is asked about, or that a user was seen with; ticks go to their partition."""
    return tick_key(record) if type(record) is Ticked else record.signal


def limit_or_tick(record: LimitRequested | OrderAsked | Ticked) -> str:
    """The limit that a request has to pass next, or of an order; ticks go to their partition."""
    if isinstance(record, LimitRequested):
        return record.limits[0].partition("|")[0]
    return record.limit if isinstance(record, OrderAsked) else tick_key(record)


def code_part(key: str) -> str:
    """The code of a key that begins with it."""
    return key.partition(":")[0]


def campaign_version(campaign: CampaignDefined) -> str:
    """A campaign and its version."""
    return f"{campaign.campaign_id}@{campaign.version}"


def dead_letter_key(record: DeadLettered) -> str:
    """The topic and partition of the message that was refused."""
    return f"{record.topic}:{record.partition}"


def looking_stage(record: LookedUp) -> str:
    """The stage that looked something up, and the partition of its input."""
    return f"{record.stage}:{record.cause_partition}"

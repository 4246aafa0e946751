"""What decisions are looked up in: codes and campaigns."""

from enum import StrEnum

from reftrail.contracts.record import DAY, Micros, Millis, Record


class CodeStatus(StrEnum):
    """Whether a code may earn rewards."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class CodeChanged(Record, frozen=True, kw_only=True):
    """A code as it stands since event_time: issued, or changed in some way.

    owner_user_id is who earns the referrer's reward and may be bound later. expires_at is the
    first moment at which the code is no longer good. max_uses limits how many users may earn
    through the code.
    """

    code: str
    campaign_id: str
    owner_user_id: str | None = None
    category: str | None = None
    channel: str | None = None
    status: str = CodeStatus.ACTIVE
    created_at: Millis
    expires_at: Millis | None = None
    max_uses: int | None = None
    notes: str | None = None


class Trigger(StrEnum):
    """Which conversion earns the rewards of a campaign."""

    SIGNUP = "signup"
    FIRST_PURCHASE = "first_purchase"


class CampaignDefined(Record, frozen=True, kw_only=True):
    """One version of a campaign's rules, in force from effective_from until the next version's.

    starts_at and ends_at bound when conversions earn (end excluded). A touch counts for
    attribution_window_ms after it happened; views count as touches only if counts_views.
    A code typed in at signup is used where there is no touch, or always if typed_code_wins.
    A touch that arrives up to late_touch_grace_ms after an unattributed signup, by the
    collector's clock, still attributes it. minimum_amount_micros is the least amount of an order
    that counts as first purchase. A reward of value 0 is not given.
    """

    campaign_id: str
    version: int
    effective_from: Millis
    name: str
    category: str | None = None
    starts_at: Millis | None = None
    ends_at: Millis | None = None
    attribution_window_ms: Millis = 30 * DAY
    counts_views: bool = False
    typed_code_wins: bool = False
    late_touch_grace_ms: Millis = DAY
    trigger: str = Trigger.SIGNUP
    minimum_amount_micros: Micros = 0
    referrer_reward_micros: Micros = 0
    referrer_reward_kind: str = "credit"
    referee_reward_micros: Micros = 0
    referee_reward_kind: str = "credit"
    reward_currency: str = "USD"

"""A campaign as its owner writes it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

import msgspec
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from reftrail.campaigns.units import parse_duration, parse_money
from reftrail.contracts.record import DAY, Micros, Millis
from reftrail.contracts.reference import CampaignDefined

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Duration: TypeAlias = Annotated[Millis, BeforeValidator(parse_duration)]
_Money: TypeAlias = Annotated[Micros, BeforeValidator(parse_money)]
_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\p{Cc}]+$")]


class Campaign(BaseModel):
    """The rules of a campaign: the fields of `CampaignDefined` in human units.

    Durations read "30 days", amounts "5.00" in reward_currency, times have an offset.
    effective_from is when these rules come into force: by default, always for a campaign's first
    version (starts_at and ends_at bound what earns, and history may be imported later), and now
    for a later one.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    campaign_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    name: _Text
    category: _Text | None = None
    effective_from: AwareDatetime | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    attribution_window: _Duration = 30 * DAY
    counts_views: bool = False
    typed_code_wins: bool = False
    late_touch_grace: _Duration = DAY
    trigger: Literal["signup", "first_purchase"] = "signup"
    minimum_amount: _Money = 0
    referrer_reward: _Money = 0
    referrer_reward_kind: _Text = "credit"
    referee_reward: _Money = 0
    referee_reward_kind: _Text = "credit"
    reward_currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError(f"ends_at {self.ends_at} is not after starts_at {self.starts_at}")
        return self

    def rules(self) -> dict[str, Any]:
        """The fields of `CampaignDefined` that make up its rules."""
        return {
            "name": self.name,
            "category": self.category,
            "starts_at": millis(self.starts_at),
            "ends_at": millis(self.ends_at),
            "attribution_window_ms": self.attribution_window,
            "counts_views": self.counts_views,
            "typed_code_wins": self.typed_code_wins,
            "late_touch_grace_ms": self.late_touch_grace,
            "trigger": self.trigger,
            "minimum_amount_micros": self.minimum_amount,
            "referrer_reward_micros": self.referrer_reward,
            "referrer_reward_kind": self.referrer_reward_kind,
            "referee_reward_micros": self.referee_reward,
            "referee_reward_kind": self.referee_reward_kind,
            "reward_currency": self.reward_currency,
            "referrer_reward_item": None,
            "referee_reward_item": None,
            "policy": None,
        }


def rules_of(defined: CampaignDefined) -> dict[str, Any]:
    """The rules of a version that was written, comparable with `Campaign.rules`."""
    fields = msgspec.structs.asdict(defined)
    about = ("event_id", "event_time", "received_at", "campaign_id", "version", "effective_from")
    return {name: value for name, value in fields.items() if name not in about}


def millis(at: datetime | None) -> Millis | None:
    """An aware datetime on the wire."""
    return None if at is None else (at - _EPOCH) // timedelta(milliseconds=1)

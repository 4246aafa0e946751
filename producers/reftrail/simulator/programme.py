"""The referral programme that is played: campaigns that differ in every rule, and their codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from reftrail.contracts.record import DAY, MICROS_PER_UNIT, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeStatus, Trigger

LENGTH: Final[Millis] = 60 * DAY
"""How long the programme runs: shorter than the events are kept."""

NO_GRACE: Final[Millis] = 1
"""A grace in which nothing can arrive that is sent after the signup was acknowledged."""

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CHANNELS: Final = ("e-mail", "social", "messenger", "print", "partner")


@dataclass(frozen=True, slots=True)
class Programme:
    """Campaigns and codes, between two times; ghosts are codes that nobody registered."""

    begins: Millis
    ends: Millis
    campaigns: Mapping[str, CampaignDefined]
    codes: Mapping[str, CodeChanged]
    by_popularity: Sequence[str]
    ghosts: Sequence[str]

    def campaign_of(self, code: str) -> CampaignDefined:
        """The campaign of a registered code."""
        return self.campaigns[self.codes[code].campaign_id]


def programme(rng: Random, ends: Millis, size: int) -> Programme:
    """A programme of `size` codes that ends at a time; the same rng state gives the same one."""
    begins = ends - LENGTH
    campaigns = {campaign.campaign_id: campaign for campaign in _campaigns(rng, begins)}
    codes = {
        code.code: code
        for number in range(size)
        for code in [_code(rng, begins, number, rng.choice(list(campaigns.values())))]
    }
    return Programme(
        begins=begins,
        ends=ends,
        campaigns=campaigns,
        codes=codes,
        by_popularity=tuple(codes),
        ghosts=tuple(f"GHOST-{_word(rng, 5)}" for _ in range(max(2, size // 20))),
    )


def event_id(rng: Random, at: Millis) -> str:
    """A UUIDv7 of a time, from the rng instead of the machine's randomness."""
    number = (at << 80) | (0x7 << 76) | (rng.getrandbits(12) << 64) | (0b10 << 62)
    digits = f"{number | rng.getrandbits(62):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _campaigns(rng: Random, begins: Millis) -> list[CampaignDefined]:
    def campaign(name: str, category: str, **policy: object) -> CampaignDefined:
        opening = begins - DAY
        facts: dict[str, object] = {
            "event_id": event_id(rng, opening),
            "event_time": opening,
            "received_at": opening,
            "campaign_id": name.lower().replace(" ", "-"),
            "version": 1,
            "effective_from": opening,
            "name": name,
            "category": category,
        }
        return CampaignDefined(**(facts | policy))  # type: ignore[arg-type]

    def units(amount: int) -> int:
        return amount * MICROS_PER_UNIT

    return [
        campaign(
            "Spring cards",
            "credit-card",
            trigger=Trigger.SIGNUP,
            referrer_reward_micros=units(50),
            referee_reward_micros=units(25),
        ),
        campaign(
            "Home broadband",
            "broadband",
            trigger=Trigger.FIRST_PURCHASE,
            minimum_amount_micros=units(40),
            attribution_window_ms=14 * DAY,
            typed_code_wins=True,
            referrer_reward_micros=units(30),
            referee_reward_micros=units(30),
        ),
        campaign(
            "Reading club",
            "media",
            trigger=Trigger.SIGNUP,
            attribution_window_ms=7 * DAY,
            counts_views=True,
            referrer_reward_micros=units(5),
        ),
        campaign(
            "New sellers",
            "marketplace",
            trigger=Trigger.FIRST_PURCHASE,
            minimum_amount_micros=units(100),
            late_touch_grace_ms=NO_GRACE,
            referee_reward_micros=units(15),
            referrer_reward_micros=units(20),
        ),
        campaign(
            "Winter trial",
            "broadband",
            trigger=Trigger.SIGNUP,
            starts_at=begins + 5 * DAY,
            ends_at=begins + 45 * DAY,
            referrer_reward_micros=units(10),
            referee_reward_micros=units(10),
        ),
    ]


def _code(rng: Random, begins: Millis, number: int, campaign: CampaignDefined) -> CodeChanged:
    """A code: of twenty, two run out half-way, one is revoked, one suspended, two are limited.

    The three most used ones are plain, so that most people's rewards are granted.
    """
    initials = "".join(word[0] for word in campaign.name.upper().split())
    luck = rng.randrange(20) if number > 2 else 19
    status = {2: CodeStatus.REVOKED, 3: CodeStatus.SUSPENDED}.get(luck, CodeStatus.ACTIVE)
    return CodeChanged(
        event_id=event_id(rng, begins - DAY),
        event_time=begins - DAY,
        received_at=begins - DAY,
        code=f"{initials}{number}-{_word(rng, 4)}",
        campaign_id=campaign.campaign_id,
        owner_user_id=owner(number),
        category=campaign.category,
        channel=rng.choice(_CHANNELS),
        status=status,
        created_at=begins - DAY,
        expires_at=begins + rng.randrange(15, 45) * DAY if luck < 2 else None,
        max_uses=rng.randrange(1, 4) if luck in {4, 5} else None,
    )


def owner(number: int) -> str:
    """Who owns the code of a number."""
    return f"owner-{number}"


def _word(rng: Random, length: int) -> str:
    return "".join(rng.choices(_LETTERS, k=length))

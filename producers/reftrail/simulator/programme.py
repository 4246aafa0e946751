"""The referral programme that is played: campaigns that differ in every rule, and their codes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from reftrail.contracts.policy import (
    Adjustments,
    Arm,
    ArmReward,
    Experiment,
    Fraud,
    OnRefund,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, MICROS_PER_UNIT, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeStatus, Trigger
from reftrail.contracts.side_rules import Percent, SideRules, Tier

LENGTH: Final[Millis] = 180 * DAY
"""The time for which the programme runs: some months of subscriptions."""

CARDS: Final = "spring-cards"
PARTNERS: Final = "partners"
FRIENDS: Final = "friends"
PAID_AT_SIGNUP: Final = (CARDS, FRIENDS)
PAID_BY_ORDERS: Final = ("home-broadband", PARTNERS)
"""Campaigns whose codes may refer people with several devices: with the usual grace."""

NO_GRACE: Final[Millis] = 1
"""A grace in which nothing can arrive that is sent after the signup was acknowledged."""

EARNING_MONTHS: Final = 3
TIERS: Final = {1: 20, 5: 25, 20: 30}
"""The percentage of invoices that a partner earns, by the number of the referral."""

ARMS: Final = {
    "usual": {"referrer": 10, "referee": 5},
    "more for referrers": {"referrer": 20, "referee": 5},
    "more for referees": {"referrer": 10, "referee": 10},
}
"""The values for friends and their referrers in each arm of the experiment, in units."""

SHARES_OF_ARMS: Final = {"usual": 2, "more for referrers": 1, "more for referees": 1}

APPROVED_ABOVE: Final = (CARDS, PARTNERS, FRIENDS)
"""The campaigns in which a second person approves adjustments by hand of more than 50 units."""

_APPROVED: Final = Adjustments(approval_above_micros=50 * MICROS_PER_UNIT)

_LONG_AGO: Final = Fraud(weights={"clock_behind": 0, "suspicious_code": 0})
"""A policy without suspicion of late reports, or of other users of a code."""

_SHARES: Final = Policy(
    repeats=0,
    earning_months=EARNING_MONTHS,
    on_refund=OnRefund.PROPORTIONAL,
    adjustments=_APPROVED,
    referrer=Percent(rate=10_000 * TIERS[1]),
    referrer_rules=SideRules(
        tiers=[
            Tier(referrals=number, percent=Percent(rate=10_000 * percent))
            for number, percent in TIERS.items()
            if number > 1
        ]
    ),
    fraud=Fraud(weights=_LONG_AGO.weights | {"amount_5x": 0, "amount_10x": 0, "amount_20x": 0}),
)
"""Terms of a subscription: a share of each invoice, as an import of old invoices needs it."""

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CHANNELS: Final = ("e-mail", "social", "messenger", "print", "partner")


@dataclass(frozen=True, slots=True)
class Programme:
    """Campaigns and codes, between two times; ghosts are codes that nobody registered.

    good_codes are the codes by campaign that are never stopped or limited.
    """

    begins: Millis
    ends: Millis
    campaigns: Mapping[str, CampaignDefined]
    codes: Mapping[str, CodeChanged]
    by_popularity: Sequence[str]
    ghosts: Sequence[str]
    good_codes: Mapping[str, Sequence[str]]

    def campaign_of(self, code: str) -> CampaignDefined:
        """The campaign of a registered code."""
        return self.campaigns[self.codes[code].campaign_id]


def programme(rng: Random, ends: Millis, size: int) -> Programme:
    """A programme of `size` codes that ends at a time; the same rng state gives the same one."""
    begins = ends - LENGTH
    campaigns = {campaign.campaign_id: campaign for campaign in _campaigns(rng, begins)}
    codes = {
        code.code: code
        for number, campaign in enumerate(_campaigns_of_codes(rng, list(campaigns.values()), size))
        for code in [_code(rng, begins, number, campaign)]
    }
    return Programme(
        begins=begins,
        ends=ends,
        campaigns=campaigns,
        codes=codes,
        by_popularity=tuple(codes),
        ghosts=tuple(f"GHOST-{_word(rng, 5)}" for _ in range(max(2, size // 20))),
        good_codes={
            name: tuple(
                code.code for code in codes.values() if code.campaign_id == name and _is_good(code)
            )
            for name in campaigns
        },
    )


def event_id(rng: Random, at: Millis) -> str:
    """A UUIDv7 of a time, from the rng instead of the machine's randomness."""
    number = (at << 80) | (0x7 << 76) | (rng.getrandbits(12) << 64) | (0b10 << 62)
    digits = f"{number | rng.getrandbits(62):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _campaigns_of_codes(
    rng: Random, campaigns: Sequence[CampaignDefined], size: int
) -> Iterator[CampaignDefined]:
    """The campaign of each code by its number: every campaign has one of the most used codes."""
    for number in range(size):
        yield campaigns[number] if number < len(campaigns) else rng.choice(campaigns)


def _is_good(code: CodeChanged) -> bool:
    return code.status == CodeStatus.ACTIVE and code.expires_at is code.max_uses is None


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
            "policy": policy_text(Policy(fraud=_LONG_AGO)),
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
            policy=policy_text(Policy(fraud=_LONG_AGO, adjustments=_APPROVED)),
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
            "Partners",
            "subscription",
            trigger=Trigger.FIRST_PURCHASE,
            policy=policy_text(_SHARES),
        ),
        campaign(
            "Friends",
            "app",
            trigger=Trigger.SIGNUP,
            referrer_reward_micros=units(10),
            referee_reward_micros=units(5),
            policy=policy_text(
                Policy(fraud=_LONG_AGO, adjustments=_APPROVED, experiment=_experiment())
            ),
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

    The most used one of each campaign is plain, so that most people's rewards are granted. Codes
    whose referrals are numbered, or in an experiment, aren't limited.
    """
    initials = "".join(word[0] for word in campaign.name.upper().split())
    luck = rng.randrange(20) if number > 6 else 19
    is_free = campaign.campaign_id in (PARTNERS, FRIENDS)
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
        max_uses=rng.randrange(1, 4) if luck in {4, 5} and not is_free else None,
    )


def _experiment() -> Experiment:
    """Half of the visitors bring their referrer twice as much, or get twice as much themselves."""
    sides = {
        name: {
            role: ArmReward(value_micros=units * MICROS_PER_UNIT) for role, units in values.items()
        }
        for name, values in ARMS.items()
    }
    arms = [Arm(name=name, share=share, **sides[name]) for name, share in SHARES_OF_ARMS.items()]
    return Experiment(salt="simulated", arms=arms)


def owner(number: int) -> str:
    """The owner of the code of a number."""
    return f"owner-{number}"


def _word(rng: Random, length: int) -> str:
    return "".join(rng.choices(_LETTERS, k=length))

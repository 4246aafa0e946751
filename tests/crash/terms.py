"""The terms of the programme: campaigns that lead rewards through all that can become of them.

The simulated campaigns get policies, each another one, but for `partners` and `friends`. Their
events are of long ago, so that a hold from the action on ends with the next tick, while a review's
time and an expiry run from now.
`regulars`, `guests` and `strangers` are the customers' (`customers`), who act now: their holds end
in the run. The ids of their rewards are the same in each run, and so is what is done about them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from crash.adjusting import APPROVAL_ABOVE
from reftrail.contracts.policy import (
    Adjustments,
    AtHoldsEnd,
    Caps,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    Policy,
    policy_in,
    policy_text,
)
from reftrail.contracts.record import MICROS_PER_UNIT, SECOND, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger

POOL: Final = {"mug": 12, "cap": 3}
"""The items given by codes, and their numbers: fewer than are earned; the rest expire."""

HOLD: Final[Millis] = 3 * SECOND
REVIEW: Final[Millis] = 4 * SECOND
EXPIRY: Final[Millis] = 4 * SECOND

_UNIT: Final = MICROS_PER_UNIT
_LONG_AGO: Final = "clock_behind"
_CALM: Final = {"burst": 0, "suspicious_code": 0, _LONG_AGO: 0}
"""Weights under which many who come at once aren't suspicious for that."""

_REGULARS: Final = 5
_GUESTS: Final = 3
_STRANGERS: Final = 1
_WHO_MAY_EARN: Final = 3, 4
"""Three in four of those who come by a code, where users are limited: so that some can't, also if
others gave back the places they had."""


@dataclass(frozen=True, slots=True)
class _Terms:
    policy: Policy
    rewards: Mapping[str, Any] = field(default_factory=dict)


_BONUS: Final = Milestone(
    name="third",
    kind=MilestoneKind.BONUS,
    grants=3,
    value_micros=7 * _UNIT,
    currency="USD",
)

_SIMULATED: Final[Mapping[str, _Terms]] = {
    "spring-cards": _Terms(
        Policy(hold_for=HOLD, caps=Caps(per_referrer=12)),
        {"referee_reward_kind": "cash"},
    ),
    "home-broadband": _Terms(
        Policy(on_refund=OnRefund.PROPORTIONAL, milestones=[_BONUS]),
        {"referee_reward_kind": "shipment", "referee_reward_item": "a router"},
    ),
    "reading-club": _Terms(
        Policy(
            fraud=Fraud(
                weights=_CALM | {_LONG_AGO: 60},
                reject_from=200,
                review_for=REVIEW,
                at_review_end=AtHoldsEnd.GRANT,
            )
        )
    ),
    "new-sellers": _Terms(
        Policy(expires_after=EXPIRY, caps=Caps(per_code=5)),
        {"referee_reward_kind": "code", "referee_reward_item": "mug"},
    ),
    "winter-trial": _Terms(
        Policy(hold_for=HOLD, caps=Caps(budget_micros=400 * _UNIT)),
        {"referee_reward_kind": "shipment"},
    ),
}


def with_terms(campaign: CampaignDefined) -> CampaignDefined:
    """A simulated campaign with its policy here; those with shares and arms keep their own.

    Of all of them larger adjustments by hand need approval.
    """
    terms = _SIMULATED.get(campaign.campaign_id)
    if terms is None:
        policy = policy_text(_adjusted(policy_in(campaign.policy)))
        return msgspec.structs.replace(campaign, policy=policy)
    changes = {"policy": policy_text(_adjusted(terms.policy)), **terms.rewards}
    return msgspec.structs.replace(campaign, **changes)


def _adjusted(policy: Policy) -> Policy:
    """A policy whose larger adjustments by hand need approval."""
    adjustments = Adjustments(approval_above_micros=APPROVAL_ABOVE * _UNIT)
    return msgspec.structs.replace(policy, adjustments=adjustments)


def customers_campaigns(at: Millis, customers: int) -> list[CampaignDefined]:
    """One with holds, refunds in proportion and a bonus; one that expires; one that can't be given.

    Nobody can ship what isn't named. The first limits the users of a referrer, the last those of a
    code, to fewer than come of so many customers.
    """
    few = _fewer_than_come(customers)
    fraud = Fraud(weights=_CALM, review_for=REVIEW)
    return [
        _campaign(
            "regulars",
            at,
            Policy(
                hold_for=HOLD,
                fraud=fraud,
                on_refund=OnRefund.PROPORTIONAL,
                milestones=[_BONUS],
                caps=Caps(per_referrer=few, per_referrer_per_day=40),
            ),
            referee_reward_kind="cash",
        ),
        _campaign(
            "guests",
            at,
            Policy(fraud=fraud, expires_after=EXPIRY, caps=Caps(budget_micros=600 * _UNIT)),
            referee_reward_kind="code",
            referee_reward_item="cap",
        ),
        _campaign(
            "strangers",
            at,
            Policy(fraud=fraud, caps=Caps(per_code=few)),
            referee_reward_kind="shipment",
        ),
    ]


def customers_codes(at: Millis) -> list[CodeChanged]:
    """Their codes; one of them is limited."""
    return [
        CodeChanged(
            event_id=f"code {name}",
            event_time=at,
            received_at=at,
            code=name,
            campaign_id=campaign_id,
            owner_user_id=f"patron-{name}",
            created_at=at,
            max_uses=3 if name == "GUEST-0" else None,
        )
        for campaign_id, name in _names()
    ]


def customers_code(number: int) -> str:
    """The code that the customer of a number follows."""
    names = [name for _, name in _names()]
    return names[number % len(names)]


def _fewer_than_come(customers: int) -> int:
    part, whole = _WHO_MAY_EARN
    return max(1, part * (customers // len(list(_names()))) // whole)


def pool_lines() -> Iterable[str]:
    """The file of codes to hand out."""
    return (f"{item}-{n},{item}\n" for item, count in POOL.items() for n in range(count))


def _names() -> Iterator[tuple[str, str]]:
    yield from (("regulars", f"REGULAR-{n}") for n in range(_REGULARS))
    yield from (("guests", f"GUEST-{n}") for n in range(_GUESTS))
    yield from (("strangers", f"STRANGER-{n}") for n in range(_STRANGERS))


def _campaign(name: str, at: Millis, policy: Policy, **facts: Any) -> CampaignDefined:
    return CampaignDefined(
        event_id=f"campaign {name}",
        event_time=at,
        received_at=at,
        campaign_id=name,
        version=1,
        effective_from=0,
        name=name.title(),
        trigger=Trigger.FIRST_PURCHASE,
        referrer_reward_micros=10 * _UNIT,
        referee_reward_micros=5 * _UNIT,
        policy=policy_text(_adjusted(policy)),
        **facts,
    )

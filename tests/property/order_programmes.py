"""Programmes whose orders are played: their campaigns, and their terms as the owner means them."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final, NamedTuple

from property.order_books import HOUR, REVIEW_TIME, OrderTerms, SideTerms

from reftrail.contracts.policy import Adjustments, Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.side_rules import Band, Percent, SideRules
from reftrail.rules.fraud.checks import REASONS
from reftrail.testing import campaign, code

UNIT: Final = MICROS_PER_UNIT
OWNER: Final = "amy"

_SUSPICIONS: Final = dict.fromkeys(REASONS, 0) | {"disposable_email": 60, "self_referral": 100}
_FRAUD: Final = Fraud(weights=_SUSPICIONS, review_for=REVIEW_TIME)


class Programme(NamedTuple):
    """A campaign as it is defined, and its terms as the owner has them in mind."""

    defined: CampaignDefined
    terms: OrderTerms
    currencies: tuple[str, ...] = ("EUR",)


def _programme(name: str, terms: OrderTerms, *currencies: str, **rules: Any) -> Programme:
    policy = Policy(
        repeats=0,
        fraud=_FRAUD,
        hold_for=terms.hold_for,
        on_refund=OnRefund(terms.on_refund),
        adjustments=Adjustments(
            approval_above_micros=None
            if terms.approval_above is None
            else int(terms.approval_above * UNIT)
        ),
        **rules,
    )
    values = {f"{role}_reward_micros": int(side.value * UNIT) for role, side in terms.sides.items()}
    defined = campaign(
        name,
        trigger=Trigger.FIRST_PURCHASE,
        policy=policy_text(policy),
        minimum_amount_micros=int(terms.minimum * UNIT),
        reward_currency="EUR",
        **({"referrer_reward_micros": 0, "referee_reward_micros": 0} | values),
    )
    return Programme(defined, terms, currencies or ("EUR",))


_BANDS: Final = ((Fraction(30), Fraction(2)), (Fraction(100), Fraction(9)))
_IN_MICROS: Final = SideRules(
    bands=[
        Band(amount_micros=int(least * UNIT), value_micros=int(value * UNIT))
        for least, value in _BANDS
    ]
)
_VALUES: Final = {
    "referrer": SideTerms(value=Fraction(100)),
    "referee": SideTerms(value=Fraction(7)),
}

PROGRAMMES: Final[Mapping[str, Programme]] = {
    "RATE": _programme(
        "rate",
        OrderTerms(
            {
                "referrer": SideTerms(rate=Fraction(1234, 10_000), maximum=Fraction(20)),
                "referee": SideTerms(rate=Fraction(5, 100)),
            },
            on_refund="proportional",
            approval_above=Fraction(12),
        ),
        referrer=Percent(rate=123_400, maximum_micros=20 * UNIT),
        referee=Percent(rate=50_000),
    ),
    "HELD": _programme(
        "held",
        OrderTerms(
            {
                "referrer": SideTerms(rate=Fraction(125, 1_000)),
                "referee": SideTerms(rate=Fraction(333, 10_000)),
            },
            minimum=Fraction(0),
            hold_for=6 * HOUR,
            approval_above=Fraction(20),
        ),
        *("EUR", "JPY", "KWD"),
        referrer=Percent(rate=125_000),
        referee=Percent(rate=33_300),
    ),
    "KEEP": _programme(
        "keep",
        OrderTerms({"referrer": SideTerms(rate=Fraction(1, 10))}, on_refund="keep"),
        referrer=Percent(rate=100_000),
    ),
    "EACH": _programme("each", OrderTerms(_VALUES, minimum=Fraction(50))),
    "PART": _programme("part", OrderTerms(_VALUES, on_refund="proportional", hold_for=6 * HOUR)),
    "BANDS": _programme(
        "bands",
        OrderTerms({"referrer": SideTerms(bands=_BANDS), "referee": SideTerms(bands=_BANDS)}),
        referrer_rules=_IN_MICROS,
        referee_rules=_IN_MICROS,
    ),
}
ISSUED: Final[tuple[CodeChanged, ...]] = tuple(
    code(name, owner=OWNER, campaign_id=programme.defined.campaign_id)
    for name, programme in PROGRAMMES.items()
)

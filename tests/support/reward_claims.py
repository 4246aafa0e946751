"""Claims and campaigns for the tests of what a claim earns."""

from typing import Any

from reftrail.contracts.decisions import Action, Role
from reftrail.contracts.policy import OrderIds, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    claimed,
    code,
    given,
    granted,
    moment,
    rejected,
    taken_from,
    to_fulfil,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
UNIT = MICROS_PER_UNIT


def signed_up(at: str = "10:00", *, under: str = "AMY", **overrides: Any) -> Outline:
    return claimed(Action.SIGNUP, under, at, **overrides)


def bought(order: str, paid: float = 100, *, at: str = "11:00", **overrides: Any) -> Outline:
    money = {"amount_micros": round(paid * UNIT), "currency": "USD"}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(money | overrides))


def paid_back(
    order: str, amount: float | None = None, *, at: str = "12:00", **overrides: Any
) -> Outline:
    money = None if amount is None else round(amount * UNIT)
    return claimed(Action.REFUND, "AMY", at, order_id=order, amount_micros=money, **overrides)


def pays_on_signup(**rules: Any) -> Scenario:
    return given(campaign(**rules), code("AMY"))


def pays_on_purchase(minimum: float = 0, **rules: Any) -> Scenario:
    """Orders ask for no place, so that stories stay short: see `test_reward_orders`."""
    on_purchase: dict[str, Any] = {
        "trigger": Trigger.FIRST_PURCHASE,
        "minimum_amount_micros": round(minimum * UNIT),
        "policy": by_user(),
    }
    return given(campaign(**(on_purchase | rules)), code("AMY"))


def by_user(**policy: Any) -> str | None:
    return policy_text(Policy(order_ids=OrderIds.USER, **policy))


def both_sides_granted(**overrides: Any) -> tuple[Outline, ...]:
    return (
        granted(REFERRER, "AMY", beneficiary="owner", **overrides),
        to_fulfil(REFERRER, "AMY", beneficiary="owner"),
        granted(REFEREE, "AMY", beneficiary="u1", **overrides),
        to_fulfil(REFEREE, "AMY", beneficiary="u1"),
    )


def both_sides_rejected(*reasons: str, **overrides: Any) -> tuple[Outline, ...]:
    return (
        rejected(REFERRER, "AMY", *reasons, beneficiary="owner", **overrides),
        rejected(REFEREE, "AMY", *reasons, beneficiary="u1", **overrides),
    )


def both_sides_reversed(**overrides: Any) -> tuple[Outline, ...]:
    return *taken_from(REFERRER, "AMY", **overrides), *taken_from(REFEREE, "AMY", **overrides)


def paid_on_signup_then_on_purchase(**policy: Any) -> Scenario:
    rules: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE, "policy": by_user(**policy)}
    return given(
        campaign(version=1),
        campaign(version=2, effective_from=moment("10:30"), **rules),
        code("AMY", max_uses=1),
    )

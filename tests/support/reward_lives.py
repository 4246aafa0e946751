"""Claims and campaigns for the tests of what becomes of rewards."""

from typing import Any

import msgspec

from reftrail.contracts.decisions import Action, RewardDecided, Role
from reftrail.contracts.policy import Fraud, OnRefund, OrderIds, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    claimed,
    code,
    given,
    granted,
    to_fulfil,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
BOTH = (REFERRER, REFEREE)
UNIT = MICROS_PER_UNIT
SUSPECTS_TYPED = Fraud(weights={"disposable_email": 60})


def signed_up(at: str = "10:00", **overrides: Any) -> Outline:
    return claimed(Action.SIGNUP, "AMY", at, **({"event_id": "claim"} | overrides))


def suspect(at: str = "10:00", **overrides: Any) -> Outline:
    """A signup that is held under `SUSPECTS_TYPED`."""
    return signed_up(at, email_disposable=True, **overrides)


def bought(order: str, paid: float = 100, *, at: str = "11:00", **overrides: Any) -> Outline:
    money = {"amount_micros": round(paid * UNIT), "currency": "USD"}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(money | overrides))


def paid_back(order: str, amount: float | None = None, *, at: str = "12:00") -> Outline:
    money = None if amount is None else round(amount * UNIT)
    return claimed(Action.REFUND, "AMY", at, order_id=order, amount_micros=money)


def programme(policy: Policy = Policy(), **rules: Any) -> Scenario:  # noqa: B008 - it is frozen
    """Orders ask for no place, so that stories stay short: see `test_reward_orders`."""
    by_user = msgspec.structs.replace(policy, order_ids=OrderIds.USER)
    return given(campaign(policy=policy_text(by_user), **rules), code("AMY"))


def on_purchase(**policy: Any) -> Scenario:
    return programme(Policy(**policy), trigger=Trigger.FIRST_PURCHASE)


def only_referee(policy: Policy = Policy(), **rules: Any) -> Scenario:  # noqa: B008 - it is frozen
    return programme(policy, referrer_reward_micros=0, **rules)


def both(entry: Any, *reasons: str, **overrides: Any) -> tuple[Outline, ...]:
    made = [entry(role, "AMY", *reasons, **overrides) for role in BOTH]
    return tuple(
        record for each in made for record in (each if isinstance(each, tuple) else (each,))
    )


def both_granted(**overrides: Any) -> tuple[Outline, ...]:
    return tuple(
        record
        for role in BOTH
        for record in (granted(role, "AMY", **overrides), to_fulfil(role, "AMY"))
    )


def entries(story: Scenario) -> list[RewardDecided]:
    return [entry for entry in story.followed if isinstance(entry, RewardDecided)]


def balance(story: Scenario) -> int:
    return sum(map(effect, entries(story)))


def on_refund_in_parts() -> Policy:
    return Policy(on_refund=OnRefund.PROPORTIONAL)

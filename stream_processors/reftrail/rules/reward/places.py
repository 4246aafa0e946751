"""Places under shared limits that a reward needs: orders, budgets, users of a referrer."""

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.policy import OrderIds, Policy
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.limits import Place, limit_key
from reftrail.rules.policy import Terms
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.state import RewardCase


def reason_of(key: str) -> str:
    """The reason of a rejection by a limit, from the limit's key."""
    cap = key.partition(":")[0]
    return Reason.ORDER_OF_ANOTHER if cap == "order" else cap


def is_budget(key: str) -> bool:
    """Whether a limit is a budget: a reward's share of it changes with what remains of it."""
    return key.partition(":")[0] in (Reason.CAP_BUDGET, Reason.CAP_BUDGET_PER_DAY)


def order_place(order_id: str) -> str:
    """The place under the limit of an order: one user may have it, in the whole installation."""
    return str(Place(limit_key("order", order_id), 1, 1))


def budget_places(campaign: CampaignDefined, policy: Policy, case: RewardCase) -> tuple[str, ...]:
    """The places that an action takes under the campaign's budgets, which are in its currency."""
    if case.currency != campaign.reward_currency:
        return ()
    caps, campaign_id = policy.caps, campaign.campaign_id
    value = sum(side.remaining for side in case.sides)
    places = []
    if caps.budget_per_day_micros is not None:
        key = limit_key(Reason.CAP_BUDGET_PER_DAY, campaign_id, case.currency, at=case.action_time)
        places.append(Place(key, value, caps.budget_per_day_micros))
    if caps.budget_micros is not None:
        key = limit_key(Reason.CAP_BUDGET, campaign_id, case.currency)
        places.append(Place(key, value, caps.budget_micros))
    return tuple(map(str, places))


def order_places(claim: Claimed, terms: Terms, order: Order | None) -> tuple[str, ...]:
    """The place of an order, where the campaign lets an order pay one user only."""
    is_unique = terms.policy.order_ids == OrderIds.INSTALLATION
    if order is None or claim.order_id is None or not is_unique:
        return ()
    return (order_place(claim.order_id),)


def user_places(terms: Terms, case: RewardCase) -> tuple[str, ...]:
    """The places under limits that count the users of a referrer."""
    caps, owner = terms.policy.caps, terms.code.owner_user_id
    if owner is None:
        return ()
    whose = (terms.campaign.campaign_id, owner)
    places = []
    if caps.per_referrer_per_day is not None:
        key = limit_key(Reason.CAP_PER_REFERRER_PER_DAY, *whose, at=case.action_time)
        places.append(Place(key, 1, caps.per_referrer_per_day))
    if caps.per_referrer is not None:
        places.append(Place(limit_key(Reason.CAP_PER_REFERRER, *whose), 1, caps.per_referrer))
    return tuple(map(str, places))

"""Reservations under shared limits that a reward needs: orders, budgets, users of a referrer."""

from collections.abc import Iterable
from typing import Final

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.policy import OrderIds, Policy
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.fraud.case import Evidence
from reftrail.rules.limit_names import EMAIL, ORDER, LimitReservation, limit_key, order_key
from reftrail.rules.policy import Terms
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.state import ReferralCell


def reason_of(key: str) -> str:
    """The reason of a rejection by a limit, from the limit's key."""
    cap = key.partition(":")[0]
    return {ORDER: Reason.ORDER_OF_ANOTHER, EMAIL: Reason.EMAIL_OF_ANOTHER}.get(cap, cap)


def is_of_another(case: RewardCase) -> bool:
    """Whether a case was refused since other users had its order, its address or its places.

    The places are those under the referrer's limits, which are shared, or under those of the code.
    """
    is_refused = not case.counts and bool(case.refused_by)
    return is_refused and reason_of(case.refused_by) in _OF_ANOTHER


_OF_THE_CODE: Final = (Reason.CODE_USED_UP, Reason.CAP_PER_CODE, Reason.CAP_PER_CODE_PER_DAY)

_OF_ANOTHER: Final = (
    Reason.ORDER_OF_ANOTHER,
    Reason.EMAIL_OF_ANOTHER,
    Reason.CAP_PER_REFERRER,
    Reason.CAP_PER_REFERRER_PER_DAY,
    *_OF_THE_CODE,
)


def key_of_full_limit(code: str, evidence: Iterable[Evidence]) -> str:
    """The key of the limit of a code that had no place for a claim; empty if it had one."""
    full = (found.reason for found in evidence if found.reason in _OF_THE_CODE)
    reason = next(full, None)
    return "" if reason is None else limit_key(reason, code)


def is_budget(key: str) -> bool:
    """Whether a limit is a budget: a reward's share of it changes with what remains of it."""
    return key.partition(":")[0] in (Reason.CAP_BUDGET, Reason.CAP_BUDGET_PER_DAY)


def is_email(key: str) -> bool:
    """Whether a limit is an e-mail address."""
    return key.partition(":")[0] == EMAIL


def order_reservation(order_id: str) -> str:
    """The reservation under the limit of an order: one user has it, in the whole installation."""
    return str(LimitReservation(order_key(order_id), 1, 1))


def budget_reservations(
    campaign: CampaignDefined, policy: Policy, case: RewardCase
) -> tuple[str, ...]:
    """The reservations of an action under the campaign's budgets, in their currency."""
    if case.currency != campaign.reward_currency:
        return ()
    caps, campaign_id = policy.caps, campaign.campaign_id
    in_currency = (side for side in case.sides if side.currency in ("", case.currency))
    value = sum(side.remaining for side in in_currency)
    reservations = []
    if caps.budget_per_day_micros is not None:
        key = limit_key(Reason.CAP_BUDGET_PER_DAY, campaign_id, case.currency, at=case.action_time)
        reservations.append(LimitReservation(key, value, caps.budget_per_day_micros))
    if caps.budget_micros is not None:
        key = limit_key(Reason.CAP_BUDGET, campaign_id, case.currency)
        reservations.append(LimitReservation(key, value, caps.budget_micros))
    return tuple(map(str, reservations))


def order_reservations(claim: Claimed, terms: Terms, order: Order | None) -> tuple[str, ...]:
    """The reservation of an order, where the campaign lets an order pay one user only."""
    is_unique = terms.policy.order_ids == OrderIds.INSTALLATION
    if order is None or claim.order_id is None or not is_unique:
        return ()
    return (order_reservation(claim.order_id),)


def email_reservations(claim: Claimed, terms: Terms, referral: ReferralCell) -> tuple[str, ...]:
    """The reservation of the user's e-mail address: that of the signup, or else of the action.

    An address of which nobody earns any more stays its user's, for ever.
    """
    shown = (signals.email_hash for signals in referral.signals)
    email = next((known for known in (*shown, claim.email_hash) if known is not None), None)
    if email is None or not terms.policy.once_per_email:
        return ()
    return (str(LimitReservation(limit_key(EMAIL, email), 1, 1)),)


def user_reservations(terms: Terms, case: RewardCase) -> tuple[str, ...]:
    """The reservations under limits that count the users of a referrer."""
    if case.is_bonus:
        return ()
    caps, owner = terms.policy.caps, terms.code.owner_user_id
    if owner is None:
        return ()
    whose = (terms.campaign.campaign_id, owner)
    reservations = []
    if caps.per_referrer_per_day is not None:
        key = limit_key(Reason.CAP_PER_REFERRER_PER_DAY, *whose, at=case.action_time)
        reservations.append(LimitReservation(key, 1, caps.per_referrer_per_day))
    if caps.per_referrer is not None:
        reservations.append(
            LimitReservation(limit_key(Reason.CAP_PER_REFERRER, *whose), 1, caps.per_referrer)
        )
    return tuple(map(str, reservations))

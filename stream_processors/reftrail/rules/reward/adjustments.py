"""Adjustments by hand: credits and debits with an entry of the ledger each.

An adjustment is a booking of its own. It takes no place under a limit, and counts for no milestone.
A credit is ordered to be fulfilled like a reward, unless it is of an article; a debit is booked.
Small ones of one beneficiary add up to what a second person has to approve.
Refunds, disputes and reviews of the reward or order that it is about leave it as it is: another
adjustment corrects it.
"""

from typing import Final, NamedTuple

import msgspec

from reftrail.contracts.adjustments import ACTION, Adjusted
from reftrail.contracts.decisions import RewardDecided, RewardStatus, Role
from reftrail.contracts.policy import Adjustments, policy_in
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.reward_reasons import Reason, by_hand
from reftrail.contracts.stage_messages import LimitAnswered, LimitRequested
from reftrail.rules.fraud.case import Evidence, Figures
from reftrail.rules.fraud.scoring import evidence_text
from reftrail.rules.limit_names import LimitReservation, limit_key
from reftrail.rules.policy import policy_at
from reftrail.rules.reward.actions import of_adjustment
from reftrail.rules.reward.commands import rewards_of
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.ledger_entries import orders_to_fulfil, reward_id
from reftrail.rules.reward.state import EarlyDecision
from reftrail.rules.reward.state_events import AdjustmentAsked
from reftrail.rules.reward.transitions import Transition, allowed

_replace: Final = msgspec.structs.replace


class Refusal(NamedTuple):
    """The stable name of a reason why an adjustment isn't possible, and its details."""

    reason: str
    detail: str


class _Account(NamedTuple):
    """The account that an adjustment changes: whose it is, and under what it is counted."""

    beneficiary: str | None
    role: str
    kind: str | None
    campaign_id: str | None
    category: str | None
    channel: str | None
    order_id: str | None = None
    item: str | None = None
    arm: str | None = None
    utm_source: str | None = None


def adjust(context: DecisionContext, adjusted: Adjusted) -> None:
    """Apply an adjustment once, or hold it until a second person approves it.

    A small one is held too where it adds up to more than the amount with others of its beneficiary:
    the limits stage is asked for it. The same adjustment_id with other content is refused.
    """
    asked = context.adjustment(adjusted.adjustment_id).asked
    if asked is not None:
        if not is_same(asked, adjusted):
            detail = "another adjustment of this user under this code has this id; give it another"
            context.refuse("adjustment_differs", detail)
        return
    account = _account(context, adjusted)
    if isinstance(account, Refusal):
        context.refuse(*account)
        return
    campaign = policy_at(context.reference, account.campaign_id, adjusted.event_time)
    entry = _entry(context, adjusted, account, campaign)
    settings = policy_in(campaign.policy).adjustments
    above = settings.approval_above_micros
    is_foreign = adjusted.currency != campaign.reward_currency
    if above is None:
        _book(context, adjusted, entry)
    elif is_foreign or abs(adjusted.value_micros) > above:
        _book(context, adjusted, _held(adjusted, entry, settings))
    elif not settings.approval_window:
        _book(context, adjusted, entry)
    else:
        _ask(context, adjusted, entry, settings)


def settle_adjustment(context: DecisionContext, answered: LimitAnswered) -> EarlyDecision | None:
    """Apply or hold an adjustment once it is known whether it adds up to too much with others.

    Returns the decision about it that came before, if there is one.
    """
    cell = context.adjustment(answered.claim_id.partition(":")[2])
    asked, entry = cell.asked, cell.prepared
    if asked is None or entry is None:
        return None
    if answered.refused_by is not None:
        rules = policy_at(context.reference, entry.campaign_id, asked.event_time)
        entry = _held(asked, entry, policy_in(rules.policy).adjustments, Reason.ADDED_UP)
    context.apply(entry, *orders_to_fulfil(entry))
    return cell.early


def _book(context: DecisionContext, asked: Adjusted, entry: RewardDecided) -> None:
    context.apply(AdjustmentAsked(**context.noted(), asked=asked))
    context.apply(entry, *orders_to_fulfil(entry))


def _held(
    asked: Adjusted, entry: RewardDecided, settings: Adjustments, *why: Reason
) -> RewardDecided:
    """The entry of an adjustment that waits for approval. Its evidence is the amount and time."""
    figures: Figures = {"above_micros": settings.approval_above_micros or 0}
    if why:
        figures["within_days"] = settings.approval_window // DAY
    return _replace(
        entry,
        status=status_after(None, Transition.HOLD),
        reasons=reasons_of(asked, Reason.NEEDS_APPROVAL, *why),
        evidence=evidence_text((Evidence(Reason.NEEDS_APPROVAL, 0, figures),)),
    )


def _ask(
    context: DecisionContext, asked: Adjusted, entry: RewardDecided, settings: Adjustments
) -> None:
    """Ask whether an adjustment adds up to too much with others of its beneficiary."""
    assert settings.approval_above_micros is not None
    kind = "adjusted_credits" if asked.value_micros > 0 else "adjusted_debits"
    reservation = LimitReservation(
        limit_key(kind, entry.beneficiary or "", entry.currency),
        abs(asked.value_micros),
        settings.approval_above_micros,
        settings.approval_window,
    )
    context.apply(
        AdjustmentAsked(**context.noted(), asked=asked, prepared=entry),
        LimitRequested(
            **context.metadata("limits", entry.reward_id),
            limits=[str(reservation)],
            passed=[],
            code=context.code,
            user_id=context.user_id,
            claim_id=entry.action,
        ),
    )


def is_same(asked: Adjusted, again: Adjusted) -> bool:
    """Whether two adjustments have the same content, whenever they were sent."""
    times = {"event_time": asked.event_time, "received_at": asked.received_at}
    return _replace(again, event_id=asked.event_id, **times) == asked


def _entry(
    context: DecisionContext, asked: Adjusted, account: _Account, campaign: CampaignDefined
) -> RewardDecided:
    """The entry of an adjustment that needs no approval."""
    action = of_adjustment(asked.adjustment_id)
    its_id = reward_id(context.code, context.user_id, action, account.role)
    is_referrer = account.role == Role.REFERRER
    usual = campaign.referrer_reward_kind if is_referrer else campaign.referee_reward_kind
    return RewardDecided(
        **context.metadata(ACTION, its_id),
        reward_id=its_id,
        code=context.code,
        user_id=context.user_id,
        beneficiary=account.beneficiary,
        role=account.role,
        action=action,
        status=status_after(None, Transition.ADJUST),
        reasons=reasons_of(asked),
        value_micros=asked.value_micros,
        currency=asked.currency,
        kind=account.kind or usual,
        campaign_id=account.campaign_id,
        campaign_version=campaign.version,
        category=account.category,
        channel=account.channel,
        order_id=account.order_id,
        basis=ACTION,
        action_event_id=asked.event_id,
        action_time=asked.event_time,
        item=account.item,
        root_reference=asked.event_id,
        arm=account.arm,
        utm_source=account.utm_source,
    )


def status_after(status: str | None, does: Transition) -> RewardStatus:
    """The status after a transition that is allowed."""
    found = allowed(status, does)
    assert found is not None
    return found


def reasons_of(asked: Adjusted, *own: Reason) -> list[str]:
    """The reasons of an entry. A word that has a meaning of its own in the ledger is left out."""
    given = by_hand(asked.reason)
    return [*own, *([given] if given else [])]


def _account(context: DecisionContext, asked: Adjusted) -> _Account | Refusal:
    """The account that an adjustment changes, or why there is none."""
    if not asked.value_micros:
        return Refusal("not_allowed", "an adjustment of nothing")
    if context.referral.is_merged:
        return Refusal("not_allowed", "the user was merged into another; adjust that account")
    found = _of_code(context, asked) if asked.reward_id is None else _of_reward(context, asked)
    if isinstance(found, _Account) and found.beneficiary is None:
        return Refusal("not_allowed", "the code has no owner, so nobody would get it")
    return found


def _of_code(context: DecisionContext, asked: Adjusted) -> _Account | Refusal:
    """The account of the code's owner, or of the user."""
    code = context.reference.code(context.code)
    if code is None:
        return Refusal("unknown_code", "the code isn't registered")
    if asked.role not in (Role.REFERRER, Role.REFEREE):
        return Refusal("not_allowed", "say who gets it: the referrer, the referee, or a reward's")
    owner, user = code.owner_user_id, context.user_id
    return _Account(
        beneficiary=owner if asked.role == Role.REFERRER else user,
        role=asked.role,
        kind=asked.kind,
        campaign_id=code.campaign_id,
        category=code.category,
        channel=code.channel,
        order_id=asked.order_id,
    )


def _of_reward(context: DecisionContext, asked: Adjusted) -> _Account | Refusal:
    """The account of the reward that an adjustment is about."""
    assert asked.reward_id is not None
    found = rewards_of(context, asked.reward_id, None)
    if not found:
        return Refusal("unknown_reward", "there is no such reward of this user under this code")
    case, side = found[0]
    for name, said, own in (
        ("role", asked.role, side.role),
        ("kind", asked.kind, side.kind),
        ("order", asked.order_id, case.order_id),
        ("currency", asked.currency, side.currency or case.currency),
    ):
        if said is not None and said != own:
            return Refusal("not_allowed", f"the {name} of the reward is {own}, not {said}")
    return _Account(
        beneficiary=side.beneficiary,
        role=side.role,
        kind=side.kind,
        campaign_id=case.campaign_id,
        category=case.category,
        channel=case.channel,
        order_id=case.order_id,
        item=side.item,
        arm=case.arm,
        utm_source=case.utm_source,
    )

"""Decisions about adjustments by hand after they were asked for, and reports of their delivery.

A second person approves or declines one that waits for it. A credit whose delivery failed leaves
the balance, as a reward does, until somebody has it tried again.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from reftrail.contracts.adjustments import AdjustmentDecided, AdjustmentDecision
from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported
from reftrail.contracts.names import is_same_person
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.reward.adjustments import Refusal, reasons_of, status_after
from reftrail.rules.reward.commands import is_outcome, was_carried_out
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.ledger_entries import orders_to_fulfil
from reftrail.rules.reward.queue import Origin
from reftrail.rules.reward.state import AdjustmentCell, EarlyDecision
from reftrail.rules.reward.state_events import CommandNoted, EarlyDecisionKept
from reftrail.rules.reward.transitions import Transition

_BY_DECISION: Final[Mapping[str, tuple[RewardStatus, Transition, Reason]]] = {
    AdjustmentDecision.APPROVE: (RewardStatus.HELD, Transition.ADJUST, Reason.APPROVED),
    AdjustmentDecision.DECLINE: (RewardStatus.HELD, Transition.DECLINE, Reason.DECLINED),
    AdjustmentDecision.RETRY: (RewardStatus.FAILED, Transition.ADJUST, Reason.TRIED_AGAIN),
}
"""The status that a decision is about, its transition and its reason."""


def decide_adjustment(context: DecisionContext, decided: AdjustmentDecided) -> None:
    """Apply a decision about an adjustment that waits for approval, or whose delivery failed.

    Where it isn't known yet whether it needs approval, the first decision that may follow waits
    until that is known: any other would be refused then.
    """
    if was_carried_out(context, decided.event_id):
        return
    cell = context.adjustment(decided.adjustment_id)
    if cell.prepared is None:
        _decide(context, cell, decided)
    elif cell.early is None or cell.early.decided.event_id != decided.event_id:
        _keep(context, cell, decided)


def decide_early(context: DecisionContext, early: EarlyDecision | None) -> None:
    """Apply the decision that came before it was known whether an adjustment needs approval."""
    if early is None:
        return
    context.resume(early.decided, Origin(early.decided.event_id, early.offset))
    _decide(context, context.adjustment(early.decided.adjustment_id), early.decided)


def _keep(context: DecisionContext, cell: AdjustmentCell, decided: AdjustmentDecided) -> None:
    """Keep a decision until it is known whether an adjustment needs approval."""
    assert cell.prepared is not None
    waits = msgspec.structs.replace(cell, entry=_held(cell.prepared))
    refusal = _obstacle(waits, decided)
    if refusal is None and cell.early is not None:
        first = cell.early.decided
        refusal = Refusal("not_allowed", f"{first.actor} decided to {first.decision} it before")
    if refusal is not None:
        context.refuse(*refusal)
        return
    early = EarlyDecision(decided, context.cause.offset)
    context.apply(EarlyDecisionKept(**context.noted(), early=early))


def _held(entry: RewardDecided) -> RewardDecided:
    """The entry of an adjustment as if it were to need approval."""
    return msgspec.structs.replace(entry, status=RewardStatus.HELD)


def _decide(context: DecisionContext, cell: AdjustmentCell, decided: AdjustmentDecided) -> None:
    refusal = _obstacle(cell, decided)
    if refusal is not None:
        context.refuse(*refusal)
        return
    assert cell.asked is not None
    assert cell.entry is not None
    _, does, why = _BY_DECISION[decided.decision]
    context.apply(CommandNoted(**context.noted(), command_id=decided.event_id))
    entry = _next(context, cell.entry, does, reasons_of(cell.asked, why), of=decided)
    context.apply(entry, *orders_to_fulfil(entry))


def report_delivery(context: DecisionContext, report: FulfilmentReported) -> None:
    """Apply a report about the delivery of a credit. One that failed may be delivered after all."""
    if was_carried_out(context, report.event_id) or not is_outcome(context, report):
        return
    cell = context.adjustment((report.action or "").partition(":")[2])
    entry, asked = cell.entry, cell.asked
    if asked is None or entry is None or entry.reward_id != report.reward_id:
        context.refuse("unknown_reward", "there is no such adjustment of this user under this code")
        return
    is_delivered = report.outcome == FulfilmentOutcome.DELIVERED
    if entry.status == (RewardStatus.FULFILLED if is_delivered else RewardStatus.FAILED):
        return
    may_follow = (RewardStatus.ADJUSTED, RewardStatus.FAILED)
    if entry.status not in may_follow or entry.value_micros <= 0:
        detail = f"the adjustment is {entry.status}, and reported as {report.outcome}"
        context.refuse("not_allowed", detail)
        return
    context.apply(CommandNoted(**context.noted(), command_id=report.event_id))
    if not is_delivered:
        context.apply(_next(context, entry, Transition.FAIL, [Reason.NOT_DELIVERED], of=report))
        return
    if entry.status == RewardStatus.FAILED:
        in_time = reasons_of(asked, Reason.DELIVERED_IN_TIME)
        entry = _next(context, entry, Transition.ADJUST, in_time, of=report)
        context.apply(entry)
    context.apply(_next(context, entry, Transition.DELIVER, [], of=report))


def _next(
    context: DecisionContext,
    entry: RewardDecided,
    does: Transition,
    reasons: list[str],
    *,
    of: AdjustmentDecided | FulfilmentReported,
) -> RewardDecided:
    """The entry that follows another one of the same adjustment."""
    status = status_after(entry.status, does)
    common = context.metadata(f"{status}:{entry.role}", entry.reward_id, of.event_id, of=of)
    return msgspec.structs.replace(
        entry, **common, status=status, reasons=reasons, supersedes=entry.event_id
    )


def _obstacle(cell: AdjustmentCell, decided: AdjustmentDecided) -> Refusal | None:
    """The reason against a decision about an adjustment; None where it is possible."""
    if cell.asked is None:
        return Refusal("unknown_adjustment", "there is none of this user under this code")
    if decided.decision not in _BY_DECISION:
        return Refusal("not_allowed", f"{decided.decision!r} is no decision")
    needed = _BY_DECISION[decided.decision][0]
    if cell.entry is None or cell.entry.status != needed:
        is_now = "unknown" if cell.entry is None else cell.entry.status
        return Refusal(
            "not_allowed", f"{decided.decision} needs one that is {needed}: it is {is_now}"
        )
    is_own = is_same_person(decided.actor, cell.asked.actor)
    if is_own and decided.decision == AdjustmentDecision.APPROVE:
        return Refusal("not_allowed", f"{decided.actor} asked for it; another person approves it")
    return None

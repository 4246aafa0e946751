"""In which order claims and milestones of a user are decided on, and what they wait for.

A claim that may earn waits until the checks of its signals, and of claims before it, are answered;
one that needs places under shared limits waits for those. Nothing of the same user under the same
code overtakes it meanwhile.
"""

import msgspec

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.life import (
    LimitAnswered,
    LimitRequested,
    MilestoneChanged,
    SignalChecked,
)
from reftrail.rules.bonuses import action_of, bonus, is_bonus, is_known
from reftrail.rules.changes import lose_milestone
from reftrail.rules.codes import code_of
from reftrail.rules.entries import first_entries
from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.judging import prospect_of, refused_by, unpriced
from reftrail.rules.ledger import Origin, PairLedger, Prospect, Waiting
from reftrail.rules.notes import (
    ChecksAwaited,
    Earned,
    OrderNoted,
    PlacesAnswered,
    PlacesAsked,
    Queued,
    SignalNoted,
    TurnCame,
)
from reftrail.rules.policy import Terms
from reftrail.rules.reasons import broken_rules, unknown
from reftrail.rules.refunds import refund
from reftrail.rules.triggers import is_enough, is_open, is_repeated, is_triggered, orders_completed
from reftrail.rules.turn import Turn


def take_claim(turn: Turn, claim: Claimed) -> None:
    """Decide on a claim, or let it wait."""
    if _is_here(turn.pair, claim.event_id):
        return
    terms = _terms(turn, claim)
    may_earn = terms is not None and claim.action != Action.REFUND and is_open(turn.pair, terms)
    if may_earn and claim.checks and not _was_checked(turn.pair, claim):
        common = turn.noted("checks_awaited")
        turn.conclude(ChecksAwaited(**common, claim_id=claim.event_id, kinds=claim.checks))
    needs_evidence = may_earn and terms is not None and is_triggered(claim, terms)
    if _is_busy(turn.pair) or (needs_evidence and turn.pair.unanswered):
        _queue(turn, Waiting(turn.cause.offset, claim=claim))
    else:
        _settle_claim(turn, claim)


def take_milestone(turn: Turn, changed: MilestoneChanged) -> None:
    """Give a bonus or take it back, or let that wait."""
    if not is_bonus(changed) or _is_here(turn.pair, changed.event_id):
        return
    if _is_busy(turn.pair):
        _queue(turn, Waiting(turn.cause.offset, milestone=changed))
    else:
        _settle_milestone(turn, changed)


def note_signal(turn: Turn, checked: SignalChecked) -> None:
    """One check is answered: maybe the last one that somebody waited for."""
    if (checked.claim_id, checked.kind) not in turn.pair.unanswered:
        return
    seen = SignalSeen(
        checked.claim_id,
        checked.kind,
        checked.users_24h,
        checked.users_30d,
        checked.codes_30d,
        checked.insiders_30d,
        checked.users_365d,
    )
    turn.conclude(SignalNoted(**turn.noted("signal_noted"), seen=seen))
    _go_on(turn)


def take_answer(turn: Turn, answered: LimitAnswered) -> None:
    """There are places under shared limits, or one has none."""
    asking = turn.pair.asking
    if asking is None or asking.earning.claim_id != answered.claim_id:
        return
    turn.conclude(PlacesAnswered(**turn.noted("places_answered")))
    refused = answered.refused_by
    turn.origin = asking.origin or turn.origin
    _decide(turn, asking if refused is None else refused_by(asking, refused))
    _go_on(turn)


def _queue(turn: Turn, waiting: Waiting) -> None:
    turn.conclude(Queued(**turn.noted("queued"), waiting=waiting))


def _terms(turn: Turn, claim: Claimed) -> Terms | None:
    return Terms.of(code_of(claim, turn.reference), turn.reference, claim.event_time)


def _is_here(pair: PairLedger, event_id: str) -> bool:
    is_asking = pair.asking is not None and pair.asking.earning.claim_id == event_id
    return is_asking or any(waiting.event_id == event_id for waiting in pair.queue)


def _is_busy(pair: PairLedger) -> bool:
    return bool(pair.queue) or pair.asking is not None


def _was_checked(pair: PairLedger, claim: Claimed) -> bool:
    return any(seen.claim_id == claim.event_id for seen in pair.seen) or any(
        claim_id == claim.event_id for claim_id, _ in pair.unanswered
    )


def _go_on(turn: Turn) -> None:
    """Decide on those that wait, in their order, up to one that has to wait on."""
    while turn.pair.queue and turn.pair.asking is None:
        first, *later = turn.pair.queue
        asked_later = {waiting.event_id for waiting in later}
        if any(claim_id not in asked_later for claim_id, _ in turn.pair.unanswered):
            return
        turn.conclude(TurnCame(**turn.noted("turn_came"), waiting_id=first.event_id))
        turn.origin = Origin(first.event_id, first.offset)
        if first.claim is not None:
            _settle_claim(turn, first.claim)
        elif first.milestone is not None:
            _settle_milestone(turn, first.milestone)


def _settle_claim(turn: Turn, claim: Claimed) -> None:
    terms = _terms(turn, claim)
    match Action(claim.action):
        case Action.REFUND:
            refund(turn, claim, terms)
        case Action.SIGNUP if terms is None:
            _reject_unpriced(turn, claim)
        case Action.SIGNUP | Action.PURCHASE if terms is not None:
            _earn(turn, claim, terms)
        case _:
            pass


def _earn(turn: Turn, claim: Claimed, terms: Terms) -> None:
    pair = turn.pair
    if not is_triggered(claim, terms) or not is_open(pair, terms) or is_repeated(claim, pair):
        return
    orders = orders_completed(claim, terms, pair)
    if not is_enough(orders, terms, pair):
        if orders:
            turn.conclude(OrderNoted(**turn.noted("order_noted", of=claim), order=orders[-1]))
        return
    prospect = prospect_of(turn, claim, terms, orders)
    if prospect is not None:
        _ask_or_decide(turn, prospect)


def _reject_unpriced(turn: Turn, claim: Claimed) -> None:
    """Once, and only where nothing was decided before."""
    if turn.pair.referrals:
        return
    code = code_of(claim, turn.reference)
    broken = (
        [unknown(claim)] if code is None else broken_rules(claim, code, None, turn.usage, turn.pair)
    )
    _decide(turn, unpriced(claim, code, broken))


def _settle_milestone(turn: Turn, changed: MilestoneChanged) -> None:
    if not changed.reached:
        lose_milestone(turn, changed, action_of(changed))
    elif not is_known(changed, turn.pair):
        _ask_or_decide(turn, bonus(turn, changed))


def _ask_or_decide(turn: Turn, prospect: Prospect) -> None:
    """Decide, or ask for places under shared limits first."""
    earning = prospect.earning
    limits = [*prospect.places, *earning.budgets]
    if earning.verdict == Verdict.REJECT or not limits:
        _decide(turn, prospect)
        return
    asking = msgspec.structs.replace(prospect, origin=turn.origin)
    turn.conclude(
        PlacesAsked(**turn.noted("places_asked"), prospect=asking),
        LimitRequested(
            **turn.because("limits", earning.claim_id),
            limits=limits,
            passed=[],
            code=turn.code,
            user_id=turn.user_id,
            claim_id=earning.claim_id,
        ),
    )


def _decide(turn: Turn, prospect: Prospect) -> None:
    turn.conclude(Earned(**turn.noted("earned"), prospect=prospect))
    first_entries(turn, prospect.earning)

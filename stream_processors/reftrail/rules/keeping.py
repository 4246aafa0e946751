"""How the reward stage's state follows from what it concludes."""

from collections.abc import Iterable
from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.decisions import RewardDecided, RewardGranted, RewardStatus
from reftrail.contracts.life import LimitRequested
from reftrail.contracts.reference import Trigger
from reftrail.rules.decider import Refused, fingerprint
from reftrail.rules.fraud.baselines import with_amount, with_claim, with_judged
from reftrail.rules.fraud.scoring import is_suspicious
from reftrail.rules.ledger import MOST_DAYS, CodeLedger, Earning, Order, PairLedger, Prospect, Side
from reftrail.rules.notes import (
    ChecksAwaited,
    CommandNoted,
    Conclusion,
    Earned,
    OrderNoted,
    PartTaken,
    PlacesAnswered,
    PlacesAsked,
    PlacesLeft,
    Queued,
    RefundNoted,
    SignalNoted,
    TurnCame,
)
from reftrail.rules.reasons import is_part

MOST_REFUNDS: Final = 64
"""How many refunds of a pair are remembered: the latest ones to come in."""

MOST_ORDERS: Final = 256
"""How many orders of a pair count towards the next reward: the latest ones to come in."""

MOST_EARNINGS: Final = 128
"""How many actions of a pair are remembered; those that can't change any more go first."""

MOST_COMMANDS: Final = 32
"""How many reviews and reports of a pair are known again: the latest ones."""

MOST_SEEN: Final = 16
"""How many answers about signals of a pair are remembered: the latest ones."""

RewardState: TypeAlias = tuple[CodeLedger, PairLedger]

_replace = msgspec.structs.replace


def keep(state: RewardState, record: Conclusion) -> RewardState:
    """The state after a conclusion."""
    code, before = state
    after = _pair(before, record)
    if isinstance(record, Earned):
        code = _with_usual(code, record.prospect)
    if before.earnings is not after.earnings or before.asking is not after.asking:
        code = _recounted(code, before, after)
    return code, after


def _pair(pair: PairLedger, record: Conclusion) -> PairLedger:  # noqa: C901, PLR0911, PLR0912 - a table
    match record:
        case RewardDecided():
            return _with_entry(pair, record)
        case Earned():
            return _with_earning(pair, record.prospect)
        case PlacesAsked():
            return _replace(pair, asking=record.prospect)
        case PlacesAnswered():
            return _replace(pair, asking=None)
        case PlacesLeft():
            return _replace(pair, places=tuple(p for p in pair.places if p not in record.left))
        case ChecksAwaited():
            asked = ((record.claim_id, kind) for kind in record.kinds)
            return _replace(pair, unanswered=(*pair.unanswered, *asked))
        case SignalNoted(seen=seen):
            answered = (seen.claim_id, seen.kind)
            left = tuple(one for one in pair.unanswered if one != answered)
            return _replace(pair, unanswered=left, seen=(*pair.seen, seen)[-MOST_SEEN:])
        case Queued():
            return _replace(pair, queue=(*pair.queue, record.waiting))
        case TurnCame():
            return _replace(pair, queue=pair.queue[1:])
        case OrderNoted():
            return _with_order(pair, record.order)
        case RefundNoted():
            return _replace(pair, refunds=(*pair.refunds, record.refund)[-MOST_REFUNDS:])
        case CommandNoted():
            told = (*pair.commands, fingerprint(record.cause_event_id))
            return _replace(pair, commands=told[-MOST_COMMANDS:])
        case PartTaken():
            return _with_part_taken(pair, record)
        case RewardGranted() | LimitRequested() | Refused():
            return pair
        case _:
            assert_never(record)


def _with_order(pair: PairLedger, order: Order) -> PairLedger:
    """Of too many, the oldest one goes that nothing rests on."""
    orders = (*pair.orders, order)
    loose = [one for one in orders if one.order_id not in pair.rests_on]
    if len(loose) <= MOST_ORDERS:
        return _replace(pair, orders=orders)
    return _replace(pair, orders=tuple(one for one in orders if one is not loose[0]))


def _with_entry(pair: PairLedger, entry: RewardDecided) -> PairLedger:
    earnings = tuple(
        _decided(earning, entry)
        if earning.action == entry.action and _side(earning, entry.role)
        else earning
        for earning in pair.earnings
    )
    return _tidied(_replace(pair, earnings=earnings))


def _decided(earning: Earning, entry: RewardDecided) -> Earning:
    sides = tuple(_now(side, entry) if side.role == entry.role else side for side in earning.sides)
    waits = any(side.status in ("", RewardStatus.HELD) for side in sides)
    return _replace(earning, sides=sides, evidence=earning.evidence if waits else ())


def _now(side: Side, entry: RewardDecided) -> Side:
    """A side as an entry says that it stands. What is taken back in part leaves the status."""
    if is_part(entry):
        taken_back = side.taken_back + entry.value_micros
        return _replace(side, taken_back=taken_back)
    is_superseded_later = entry.status in (
        RewardStatus.HELD,
        RewardStatus.GRANTED,
        RewardStatus.FAILED,
    )
    return _replace(
        side,
        status=entry.status,
        entry_id=entry.event_id if is_superseded_later else side.entry_id,
        taken_back=side.value_micros if entry.status == RewardStatus.REVERSED else side.taken_back,
        due_at=entry.due_at,
    )


def _with_earning(pair: PairLedger, earned: Prospect) -> PairLedger:
    earning = earned.earning
    known = {order.order_id for order in pair.orders}
    is_purchase = earning.action != Trigger.SIGNUP and not earning.is_bonus
    now = _forgetting(
        _replace(
            pair,
            earnings=(*pair.earnings, earning),
            orders=(*pair.orders, *(one for one in earned.orders if one.order_id not in known)),
            purchases=pair.purchases + is_purchase,
            places=(*pair.places, *earned.places),
        )
    )
    if not earned.is_last or earning.is_bonus:
        return now
    kept = now.rests_on
    return _replace(
        now,
        orders=tuple(one for one in now.orders if one.order_id in kept),
        refunds=tuple(one for one in now.refunds if one.order_id in kept),
        unanswered=(),
        seen=(),
    )


def _forgetting(pair: PairLedger) -> PairLedger:
    """Without the oldest earning if there are too many: of those that have ended, if there are."""
    if len(pair.earnings) <= MOST_EARNINGS:
        return pair
    oldest = next((one for one in pair.earnings if one.has_ended), pair.earnings[0])
    return _tidied(
        _replace(
            pair,
            earnings=tuple(one for one in pair.earnings if one is not oldest),
            forgotten_until=max(pair.forgotten_until, oldest.action_time),
            has_stood=pair.has_stood or oldest.stands,
        ),
        oldest,
    )


def _with_part_taken(pair: PairLedger, part: PartTaken) -> PairLedger:
    def now(side: Side) -> Side:
        taken_back = side.taken_back + part.value_micros
        return _replace(side, taken_back=taken_back) if side.role == part.role else side

    earnings = tuple(
        _replace(one, sides=tuple(map(now, one.sides))) if one.claim_id == part.claim_id else one
        for one in pair.earnings
    )
    return _replace(pair, earnings=earnings)


def _tidied(pair: PairLedger, *forgotten: Earning) -> PairLedger:
    """Without the orders and refunds of earnings that can't change any more."""
    if not pair.orders and not pair.refunds:
        return pair
    ended = {
        order
        for one in (*(one for one in pair.earnings if one.has_ended), *forgotten)
        for order in one.orders
    } - pair.rests_on
    if not ended:
        return pair
    return _replace(
        pair,
        orders=tuple(one for one in pair.orders if one.order_id not in ended),
        refunds=tuple(one for one in pair.refunds if one.order_id not in ended),
    )


def _side(earning: Earning, role: str) -> Side | None:
    return next((side for side in earning.sides if side.role == role), None)


def _with_usual(code: CodeLedger, earned: Prospect) -> CodeLedger:
    """What is usual: all claims decided on under a known campaign, and amounts of the good ones.

    Of all claims also how many were suspicious.
    """
    earning = earned.earning
    if earning.campaign_version is None or earning.is_bonus:
        return code
    return _replace(
        code,
        hours=with_claim(code.hours, earning.action_time),
        amounts=with_amount(code.amounts, earned.amount_micros, earned.amount_currency),
        claims=with_judged(code.claims, is_suspicious=is_suspicious(earning.evidence)),
    )


def _recounted(code: CodeLedger, before: PairLedger, after: PairLedger) -> CodeLedger:
    users = code.users + after.stands - before.stands
    if users != code.users:
        code = _replace(code, users=users)
    were, are = before.standing_days(), after.standing_days()
    if were == are:
        return code
    days = dict(code.days)
    for day in were ^ are:
        days[day] = days.get(day, 0) + (1 if day in are else -1)
    return _replace(code, days=_latest(days.items()))


def _latest(days: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(item for item in days if item[1] > 0)[-MOST_DAYS:])

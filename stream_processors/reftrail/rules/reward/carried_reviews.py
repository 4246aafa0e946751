"""What a referral that merging has ended knows of the user's orders: it goes before their claims.

What reviews ended stays ended under the referral that is left. An order or signup whose reward a
review took back earns nothing there. Of rewards by number or amount as many are passed without one,
behind those that the user has got: the k-th of the ended referral would have been the k-th from
then on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import ReviewsCarried
from reftrail.rules.decider import derived_id
from reftrail.rules.reward.actions import action_of, number_of, of_threshold
from reftrail.rules.reward.carried_evidence import evidence_texts, keep_evidence
from reftrail.rules.reward.carried_places import keep_places, places_texts
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.lifecycle import ended_by_review
from reftrail.rules.reward.state import EndedSide, Progress
from reftrail.rules.reward.state_events import ProgressMade, ReviewsKept

_Ended: TypeAlias = tuple[str, EndedSide]
"""An action and a side of it that a review has ended."""

_BY_COUNT: Final = (Trigger.NTH_PURCHASE, Trigger.AMOUNT_REACHED)

MOST_TEXTS: Final = 1_000
"""The most texts in one message: with a long order id each has 300 bytes."""


class Kinship(NamedTuple):
    """The kinship of two codes under which one person was referred."""

    is_same_owner: bool
    is_same_campaign: bool


def carry_reviews(
    context: DecisionContext, claims: Sequence[Claimed], codes: Mapping[str, Kinship]
) -> None:
    """Tell the referrals of claims what is known here of their orders and signups.

    Under a code of the same owner that is what reviews have ended, also of rewards by number or
    amount, and the places that are kept in spite of that; under any code the evidence against
    orders. claims are those that follow the end of the context's referral and may earn, codes says
    how their codes are related to that referral's.
    """
    by_referral: dict[tuple[str, str], list[Claimed]] = {}
    for claim in claims:
        by_referral.setdefault((claim.code, claim.user_id), []).append(claim)
    for (code, user_id), its_claims in by_referral.items():
        actions = list(dict.fromkeys(map(action_of, its_claims)))
        texts = list(_texts(context, actions, codes[code]))
        for begin in range(0, len(texts), MOST_TEXTS):
            words = (str(begin),) if begin else ()
            part = texts[begin : begin + MOST_TEXTS]
            context.apply(_message(context, code, user_id, part, *words))


def _texts(
    context: DecisionContext, actions: Sequence[str], code: Kinship
) -> Iterator[tuple[str, str]]:
    """The texts of a message, each with its field. What reviews ended has no further evidence."""
    thresholds = [side for trigger in _BY_COUNT for side in _ended_thresholds(context, trigger)]
    ended = [*thresholds, *(side for action in actions for side in _ended(context, action))]
    if code.is_same_owner:
        for action, side in ended:
            yield "ended", f"{side.carried}|{side.role}|{side.currency}|{action}"
    if code.is_same_owner and code.is_same_campaign:
        for action in dict.fromkeys((*(action for action, _ in thresholds), *actions)):
            yield from (("places", text) for text in places_texts(context, action))
    for action in actions:
        if not (code.is_same_owner and ended_by_review(context, action)):
            yield from evidence_texts(context, action, is_same_owner=code.is_same_owner)


def _message(
    context: DecisionContext,
    code: str,
    user_id: str,
    texts: Iterable[tuple[str, str]],
    *words: str,
) -> ReviewsCarried:
    fields: dict[str, list[str]] = {"ended": [], "seen": [], "places": [], "seen_among": []}
    for field, text in texts:
        fields[field].append(text)
    its_id = ("reviews_carried", context.record.event_id, context.code, context.user_id, *words)
    return ReviewsCarried(
        **context.metadata(*its_id, code, user_id),
        code=code,
        user_id=user_id,
        ended_code=context.code,
        ended_user_id=context.user_id,
        **fields,
    )


def _ended(context: DecisionContext, action: str) -> Iterator[_Ended]:
    """The sides of an action that a review has ended, each with its id."""
    for side in context.action(action).ended_by_review:
        its_id = side.carried or derived_id(
            "ended_by_review", context.code, context.user_id, action, side.role, side.currency
        )
        yield action, side._replace(carried=its_id)


def _ended_thresholds(context: DecisionContext, trigger: str) -> Iterator[_Ended]:
    rows = (row for row in context.referral.progress if row.trigger == trigger)
    carried = max((row.carried for row in rows), default=0)
    number = 1
    while number <= carried or context.action(of_threshold(trigger, number)).times:
        yield from _ended(context, of_threshold(trigger, number))
        number += 1


def keep_reviews(context: DecisionContext, carried: ReviewsCarried) -> None:
    """Keep what is known under a referral that has ended; what reviews ended, each side once."""
    keep_evidence(context, carried)
    keep_places(context, carried.places)
    sides = (text.split("|", 3) for text in carried.ended)
    ended = [
        (action, EndedSide(role, currency, its_id)) for its_id, role, currency, action in sides
    ]
    for action, group in groupby(ended, key=itemgetter(0)):
        new = [side for _, side in group if not context.is_carried(side.carried)]
        if number_of(action) is None:
            _keep(context, action, new)
            continue
        for currency in dict.fromkeys(side.currency for side in new):
            _keep_threshold(context, action, [side for side in new if side.currency == currency])


def _keep_threshold(context: DecisionContext, action: str, sides: Sequence[EndedSide]) -> None:
    """Let a later reward by number or amount be passed, behind what the user has got."""
    trigger, number = action.partition(":")[0], number_of(action)
    assert number is not None
    currency = sides[0].currency if trigger == Trigger.AMOUNT_REACHED else ""
    progress = context.referral.of(trigger, currency)
    number += progress.given + _is_asked_for(context, trigger)
    while _is_passed(context, of_threshold(trigger, number), sides):
        number += 1
    _keep(context, of_threshold(trigger, number), sides)
    now: Progress = msgspec.structs.replace(progress, carried=max(progress.carried, number))
    context.apply(ProgressMade(**context.noted(), progress=now))


def _is_asked_for(context: DecisionContext, trigger: str) -> bool:
    """Whether a reward by number or amount asks for its reservations now."""
    requested = context.referral.requested
    case = requested.case if requested is not None else None
    return case is not None and case.action.partition(":")[0] == trigger


def _is_passed(context: DecisionContext, action: str, sides: Sequence[EndedSide]) -> bool:
    known = {(side.role, side.currency) for side in context.action(action).ended_by_review}
    return any((side.role, side.currency) in known for side in sides)


def _keep(context: DecisionContext, action: str, sides: Sequence[EndedSide]) -> None:
    if sides:
        ended = tuple((action, side) for side in sides)
        context.apply(ReviewsKept(**context.noted(), ended=ended))

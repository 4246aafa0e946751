"""Evidence against an order by its signals: it follows the order to another referral.

The signals of an order are checked for the first claim about it. For one that follows a merge they
aren't checked again, since the first claim would count as that of another user: the answers go
before it, from each referral that has ended. What none of these has checked is checked now.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Final

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.stage_messages import CheckRequested, ReviewsCarried
from reftrail.rules.codes import code_of
from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.reward.actions import action_of
from reftrail.rules.reward.browsers import visitor_shown
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.order_evidence import (
    APPROVED,
    of_text,
    of_text_among,
    text_among,
    text_of,
    together,
)
from reftrail.rules.reward.queue import Waiting
from reftrail.rules.reward.state_events import OrderEvidenceKept
from reftrail.rules.velocity import VISITOR

_EMAIL: Final = "email"

_PAIR: Final = "pair"
"""The kind of signal that is about a user and the code's owner."""


def with_evidence(context: DecisionContext, action: str, waiting: Waiting) -> Waiting:
    """A claim of an order with all that is known of the order's signals, which its cell keeps."""
    cell = context.action(action)
    refused = cell.refused.seen if cell.refused is not None else ()
    if not (cell.seen or waiting.seen or refused):
        return waiting
    known = together((*cell.seen, *waiting.seen, *refused))
    _keep(context, action, known)
    return msgspec.structs.replace(waiting, seen=() if known == APPROVED else known)


def signals_shown(claim: Claimed) -> dict[str, str | None]:
    """The signals of a claim by kind: its own, or else those of its touch."""
    return {
        "ip": claim.ip_hash or claim.touch_ip_hash,
        "network": claim.network_hash or claim.touch_network_hash,
        "device": claim.device_hash or claim.touch_device_hash,
        VISITOR: visitor_shown(claim),
        _EMAIL: claim.email_hash,
    }


def signals_to_check(context: DecisionContext, claim: Claimed) -> Mapping[str, str]:
    """The signals of a claim that follows a merge which no referral that has ended has checked.

    By kind: those of the claim, and the pair of the code's owner and the user.
    """
    if context.referral.is_merged:
        return {}
    signals = signals_shown(claim)
    owner = _owner(context, claim)
    if owner is not None and owner != claim.user_id:
        signals[_PAIR] = "|".join(sorted((owner, claim.user_id)))
    seen = context.action(action_of(claim)).seen
    known = signals if seen == APPROVED else {answer.kind for answer in seen}
    return {kind: value for kind, value in signals.items() if value and kind not in known}


def ask_for_checks(context: DecisionContext, claim: Claimed, signals: Mapping[str, str]) -> None:
    """Ask the velocity stage about signals of a claim that follows a merge."""
    for kind, value in signals.items():
        context.apply(
            CheckRequested(
                **context.metadata("check", claim.event_id, kind, of=claim),
                signal=f"{kind}:{value}",
                code=claim.code,
                user_id=claim.user_id,
                claim_id=claim.event_id,
                owner_user_id=_owner(context, claim),
            )
        )


def _owner(context: DecisionContext, claim: Claimed) -> str | None:
    code = code_of(claim, context.reference)
    return code.owner_user_id if code else None


def evidence_texts(
    context: DecisionContext, action: str, *, is_same_owner: bool
) -> Iterator[tuple[str, str]]:
    """The answers about an order, for the referral that it claims under from now on.

    Each has the field of the message before it. An answer about the user and the owner of the code
    says nothing about another owner; nor does it that this one was seen in the user's browser. One
    about an e-mail address of several users from before rules 8 doesn't name them: that two users
    have one is what their merge explains.
    """
    for seen in context.action(action).seen:
        if not is_same_owner and seen.kind == _PAIR:
            continue
        if not is_same_owner and seen.kind == VISITOR:
            seen = msgspec.structs.replace(seen, insiders_30d=0)  # noqa: PLW2901
        if seen.others:
            yield "seen_among", text_among(seen, action)
        elif seen.kind != _EMAIL or seen.users_365d <= 1:
            yield "seen", text_of(seen, action)


def keep_evidence(context: DecisionContext, carried: ReviewsCarried) -> None:
    """Keep what is known of orders under a referral that has ended."""
    texts = (*map(of_text, carried.seen), *map(of_text_among, carried.seen_among))
    for action, answers in groupby(sorted(texts, key=itemgetter(0)), key=itemgetter(0)):
        known = context.action(action).seen
        _keep(context, action, together((*known, *(seen for _, seen in answers))))


def _keep(context: DecisionContext, action: str, known: tuple[SignalSeen, ...]) -> None:
    if known != context.action(action).seen:
        context.apply(OrderEvidenceKept(**context.noted(), action=action, seen=known))

"""Claims that follow the ends of referrals: they go through each that may have their orders.

Their orders are free only then, and each referral knows what a review took back of them. A decision
leads its claims through a bounded number of steps, since they are as many as there are orders times
referrals. What is beyond is refused, so that nobody earns by an order about which a referral wasn't
asked. Put back later, it goes through all of them. Most of it earns already, under the referral
that is left, and each further merge leads it through again: so it is refused once, and again only
when it is put back. Refunds and disputes are never refused: for them no referral has to be asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import CheckRequested, ReferralVoided
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.refusals import refused
from reftrail.rules.attribution.state_events import ClaimRefused, Event
from reftrail.rules.attribution.user_action import LoggedAction, user_action_of
from reftrail.rules.attribution.waiting import (
    KNOWN,
    KeptAction,
    Referral,
    WaitingAction,
    kept_key,
    waiting_key,
)
from reftrail.rules.decider import Refused, metadata
from reftrail.rules.merged_claims import after_merge, step_of
from reftrail.rules.packing import packed

PART_BYTES: Final = 128 * 1024
"""The most bytes of claims in one message. A broker takes 1 MiB by default, and a user may have
thousands of orders."""

_EARNING: Final = (Action.PURCHASE, Action.SIGNUP)


def through_voided(on: Question, events: Sequence[Event]) -> Sequence[Event]:
    """Claims for what a merged user did. They follow the end of that user's own referrals.

    Their orders are free only then.
    """
    if not on.first_user:
        return events
    own = [referral for referral in on.past_of(on.first_user) if referral[1] not in ("", KNOWN)]
    return _through(on, own, events)


def through_all(on: Question, events: Iterable[Event]) -> list[Event]:
    """Claims for what merged users did: after the end of each referral that may have its orders."""
    return _through(on, on.ended, events)


def _through(on: Question, referrals: Sequence[Referral], events: Iterable[Event]) -> list[Event]:
    found = list(events)
    claims = [event for event in found if isinstance(event, Claimed)]
    if not referrals or not claims:
        return found
    others = [event for event in found if not isinstance(event, Claimed | CheckRequested)]
    return [*through_each(on, referrals, claims), *others]


def through_each(
    on: Question, referrals: Sequence[Referral], claims: Iterable[Claimed]
) -> Iterator[ReferralVoided | Refused | ClaimRefused]:
    """The messages with which claims follow the end of each referral (user and code), in turn.

    Each message is of a bounded size. The earliest purchases go first, of the others each is
    refused, once.
    """
    if not referrals:
        return
    found = list(claims)
    earning = [claim for claim in found if claim.action in _EARNING]
    bounds = on.bounds
    most = bounds.most_steps // len(referrals) if len(referrals) <= bounds.most_ended else 0
    if len(earning) <= most:
        yield from _messages(on, referrals, found)
        yield from _marks(on, earning, is_refused=False)
        return
    others = [claim for claim in found if claim.action not in _EARNING]
    yield from _messages(on, referrals[:1], others)
    yield from _messages(on, referrals, earning[:most])
    yield from _marks(on, earning[:most], is_refused=False)
    for claim in earning[most:]:
        if claim.action_event_id == on.record.conversion_event_id or not _is_marked(on, claim):
            yield _refused(on, claim, len(referrals), most)
    yield from _marks(on, earning[most:], is_refused=True)


def _marks(on: Question, claims: Iterable[Claimed], *, is_refused: bool) -> Iterator[ClaimRefused]:
    for claim in claims:
        if _is_marked(on, claim) != is_refused:
            yield ClaimRefused(
                **metadata(on.record, on.cause),
                user_id=on.record.user_id,
                action_id=claim.action_event_id,
                is_refused=is_refused,
            )


def _is_marked(on: Question, claim: Claimed) -> bool:
    """Whether a dead letter says already that referrals weren't asked about a claim."""
    key = kept_key(on.record.user_id, claim.action_event_id)
    return on.cells.get(key, KeptAction).is_refused


def _messages(
    on: Question, referrals: Sequence[Referral], claims: Iterable[Claimed]
) -> Iterator[ReferralVoided]:
    following = [after_merge(claim) for claim in claims]
    (user_id, code), *others = referrals
    for first_id, part in _in_parts((claim.event_id, packed(claim)) for claim in following):
        yield ReferralVoided(
            **metadata(on.record, on.cause, f"claims_of:{user_id}:{code}:{first_id}"),
            code=code,
            user_id=user_id,
            reason=Reason.USERS_MERGED,
            merged_into=on.record.user_id,
            claims=msgspec.msgpack.encode(part),
            route=[step_of(*other) for other in others],
        )


def _refused(on: Question, claim: Claimed, referrals: int, most: int) -> Refused:
    """The dead letter of a purchase; of a signup, that of the record that came now."""
    action_id = claim.action_event_id
    about = f"order {claim.order_id}" if claim.order_id is not None else f"the {claim.action}"
    detail = (
        f"merging has ended {referrals} referrals of {on.record.user_id}, and one decision asks "
        f"them about {most} orders and signups; {about} earns nothing, but for what it has earned "
        f"under the referral that is left"
    )
    if most:
        detail += "; put this record back to have them asked"
    logged = _logged(on, action_id) if claim.action == Action.PURCHASE else None
    if logged is not None:
        return refused(on.record, logged, reason="too_many_referrals", detail=detail)
    common = metadata(on.record, on.cause, f"too_many_referrals:{claim.event_id}")
    return Refused(**common, reason="too_many_referrals", detail=detail)


def _logged(on: Question, event_id: str) -> LoggedAction | None:
    """The purchase of a claim: the one that came now, or one that is kept or waits."""
    if event_id == on.record.conversion_event_id:
        return LoggedAction(user_action_of(on.record), on.cause)
    user_id = on.record.user_id
    kept = on.cells.get(kept_key(user_id, event_id), KeptAction)
    waiting = on.cells.get(waiting_key(user_id, event_id), WaitingAction)
    found = (cell for cell in chain((kept,), (waiting,)) if not cell.is_empty)
    cell = next(found, None)
    return None if cell is None else LoggedAction(cell.action(event_id), cell.cause(on.cause))


def _in_parts(values: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    """Values in parts of at most `PART_BYTES`, in their order; a larger one is alone.

    Each value has an id, each part the id of its first one.
    """
    part: list[bytes] = []
    first_id, size = "", 0
    for value_id, value in values:
        if part and size + len(value) > PART_BYTES:
            yield first_id, part
            part, size = [], 0
        if not part:
            first_id = value_id
        part.append(value)
        size += len(value)
    if part:
        yield first_id, part

"""Merged users, the guest's side: its history moves to the account.

Whatever concerns the guest later is forwarded to the account. Accounts may be merged further. Where
users are merged in a circle, the one with the lowest id has the history.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from reftrail.contracts.decisions import Action
from reftrail.contracts.stage_messages import Forwarded
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.refusals import conversion_of
from reftrail.rules.attribution.state import (
    AttributionState,
    kept_of,
    signed_up_alone,
    touches_of,
    waiting_of,
)
from reftrail.rules.attribution.state_events import (
    Event,
    HistoryChanged,
    TouchesDropped,
    WaitingEnded,
)
from reftrail.rules.attribution.user_action import LoggedAction, when_claimed
from reftrail.rules.attribution.waiting import KNOWN, Referral
from reftrail.rules.decider import Refused, metadata
from reftrail.rules.packing import packed

MOST_ENDED: Final = 500
"""The most ended referrals in one message: with long names it has some hundred KiB."""

_replace: Final = msgspec.structs.replace
_pack: Final = msgspec.msgpack.Encoder().encode


def next_user(on: Question) -> str | None:
    """The user to whom a record is to be forwarded; None if its history is here."""
    target = on.state.merged_into
    if target is None:
        return None
    trail = _trail(on)
    if target not in trail:
        return target
    holder = min(trail[trail.index(target) :])
    return None if holder == on.record.user_id else holder


def forward(on: Question) -> Forwarded:
    """The record, on its way to the account that its user is merged into."""
    target = next_user(on)
    assert target is not None
    if on.forwarded is None:
        return _forwarded(on, target, on.record.event_id, record=packed(on.record))
    common = metadata(on.forwarded, on.cause, f"forwarded:{target}")
    return _replace(on.forwarded, **common, user_id=target, trail=_trail(on))


def merge(on: Question) -> Sequence[Event]:
    """Move a user's history to the account that the user is merged into.

    Refunds and disputes go before it: where both users have reported an order, the account's claims
    for it again as soon as the history is there, and by then it is known to be paid back. A
    repetition changes nothing. A user who is merged already isn't merged into another account:
    that is a contradiction.
    """
    target, state = on.record.merged_into, on.state
    if target in (None, on.record.user_id, state.merged_into):
        return []
    assert target is not None
    if state.merged_into is not None:
        return [_refused(on, target)]
    kept, waiting = dict(kept_of(on.cells, on.key)), dict(waiting_of(on.cells, on.key))
    touches = touches_of(on.cells, on.key)
    common, user_id, ended = metadata(on.record, on.cause), on.record.user_id, on.past
    left = AttributionState(merged_into=target)
    events: list[Event] = [
        HistoryChanged(**common, user_id=user_id, state=left, dropped=tuple(kept), left=ended),
        WaitingEnded(**common, user_id=user_id, ended=tuple(waiting)),
        TouchesDropped(
            **common, user_id=user_id, visitors=tuple(touch.visitor_id or "" for touch in touches)
        ),
    ]
    logged = [
        LoggedAction(cell.action(event_id), cell.cause(on.cause))
        for event_id, cell in {**waiting, **kept}.items()
    ]
    actions = [
        _forwarded_action(on, target, action, has_claimed=action.action.event_id in kept)
        for action in sorted(logged, key=lambda logged: when_claimed(logged.action))
    ]
    taken_back = sum(action.action.kind != Action.PURCHASE for action in logged)
    marks = (*signed_up_alone(state, user_id), *ended)
    events += actions[:taken_back]
    events += _histories(on, target, (*marks, *_known(on, marks)))
    events += [_forwarded(on, target, touch.event_id, record=packed(touch)) for touch in touches]
    return [*events, *actions[taken_back:]]


def _forwarded_action(
    on: Question, target: str, logged: LoggedAction, *, has_claimed: bool
) -> Forwarded:
    """A purchase, refund or dispute, on its way to the account."""
    record = packed(conversion_of(on.record.user_id, logged))
    name = logged.action.event_id
    return _forwarded(on, target, name, record=record, has_claimed=has_claimed)


def _histories(on: Question, target: str, ended: Sequence[Referral]) -> Iterator[Forwarded]:
    """The messages with a user's history, each of a bounded size.

    Ended referrals, of which there may be many, come before the rest of it.
    """
    for begin in range(MOST_ENDED, len(ended), MOST_ENDED):
        part = AttributionState(voided=tuple(ended[begin : begin + MOST_ENDED]))
        yield _forwarded(on, target, f"ended:{begin}", history=_pack(part))
    own = _replace(_as_guest(on.state, on.record.user_id), voided=tuple(ended[:MOST_ENDED]))
    yield _forwarded(on, target, "history", history=_pack(own))


def _known(on: Question, marks: Sequence[Referral]) -> Iterator[Referral]:
    """The mark of a user of whom nothing else says that they are known."""
    user_id = on.record.user_id
    decided = (decision.user_id or user_id for decision in on.state.decisions)
    if user_id not in {*decided, *(known for known, _ in marks)}:
        yield user_id, KNOWN


def _as_guest(state: AttributionState, user_id: str) -> AttributionState:
    """A history as another user has it: its decisions name the user whose signup decided."""
    decisions = (
        _replace(decision, user_id=decision.user_id or user_id) for decision in state.decisions
    )
    return _replace(state, decisions=tuple(decisions))


def _trail(on: Question) -> list[str]:
    before = on.forwarded.trail if on.forwarded else []
    return [*before, on.record.user_id]


def _forwarded(  # noqa: PLR0913 - what a record carries is rarely given
    on: Question,
    target: str,
    name: str,
    *,
    record: bytes | None = None,
    history: bytes | None = None,
    has_claimed: bool = False,
) -> Forwarded:
    return Forwarded(
        **metadata(on.record, on.cause, f"forwarded:{name}"),
        user_id=target,
        trail=_trail(on),
        record=record,
        history=history,
        has_claimed=has_claimed,
    )


def _refused(on: Question, target: str) -> Refused:
    user_id, account = on.record.user_id, on.state.merged_into
    detail = (
        f"{user_id} is merged into {account} already, and can't be merged into {target}; if they "
        f"are the same person, merge {account} into {target}"
    )
    common = metadata(on.record, on.cause, f"merged_before:{target}")
    return Refused(**common, reason="merged_before", detail=detail)

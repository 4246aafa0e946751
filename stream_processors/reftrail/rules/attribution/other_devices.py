"""Touches on other devices: those of visitors who are known to be the user.

They count as if they had happened on the device of the signup, whichever arrives first: the
earliest touch decides. After the signup they are late touches, and correct a decision within the
grace only.

A server vouches for its users. A page or app doesn't: anybody who reads its publishable key can
name any user, and would take over the signups of others with one click of their own. So a touch
that is known by a page's word displaces no other touch and no code typed in. Where there is
neither, it counts only if the page's request and the signup show the same ip address or device.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from reftrail.contracts.conversions import Converted
from reftrail.contracts.record import Millis
from reftrail.rules.attribution.attributing import code_has_ended
from reftrail.rules.attribution.device_evidence import is_by_page, shows_same
from reftrail.rules.attribution.late_touch import is_backdated, policy_of_touch, take_late_touch
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.state import touches_of
from reftrail.rules.attribution.state_events import (
    Event,
    TouchesDropped,
    TouchKept,
    TouchRefused,
)
from reftrail.rules.attribution.user_action import user_action_of
from reftrail.rules.attribution.waiting import NEVER, WaitingTouch, touch_key
from reftrail.rules.decider import Refused, metadata

MOST_BY_PAGES: Final = 16
"""The most touches that wait for one user by the word of pages. Anybody can send them."""

_OF_THE_TOUCH: Final = tuple(
    field.name for field in msgspec.structs.fields(Converted) if field.name.startswith("touch_")
)


def take_identified(on: Question, signup_wait: Millis) -> Sequence[Event]:
    """Take a touch on another device as a late one, or keep it for the signup."""
    record = on.record
    for event_id, signed_up_at in _signups(on):
        if _reaches(on, signed_up_at):
            fields = {"conversion_event_id": event_id, "event_time": signed_up_at}
            late = msgspec.structs.replace(record, **fields, signed_up_at=signed_up_at)
            return take_late_touch(on.about(late))
    if _signups(on) and not on.reference.refers_by_campaign():
        return []
    if is_by_page(record) and _is_full(on):
        return _refused(on, record.received_at + signup_wait)
    kept = TouchKept(
        **metadata(record, on.cause),
        user_id=record.user_id,
        record=record,
        due_at=record.received_at + signup_wait,
    )
    return [kept]


def with_earliest_touch(on: Question) -> Question:
    """The question about a signup with the touch that decides, on whatever device it was."""
    signup = on.record
    fitting = [
        touch
        for touch in touches_of(on.cells, on.key)
        if _reaches(on.about(touch), signup.event_time)
    ]
    if not fitting:
        return on
    strong = [signup] if signup.touch_code is not None else []
    strong += [touch for touch in fitting if not is_weak(on.about(touch))]
    has_typed = signup.typed_code is not None and signup.typed_code_known is not False
    action = user_action_of(signup)
    weak = [touch for touch in fitting if is_weak(on.about(touch)) and shows_same(touch, action)]
    candidates = strong or ([] if has_typed else weak)
    if not candidates:
        return on
    first = min(candidates, key=lambda touch: _turn(on, touch))
    if first is signup:
        return on
    fields = {name: getattr(first, name) for name in _OF_THE_TOUCH}
    return on.about(msgspec.structs.replace(signup, **fields), identified=first)


def touches_no_longer_waiting(on: Question) -> list[Event]:
    """Drop the touches on other devices, since no decision can follow."""
    visitors = tuple(record.visitor_id or "" for record in touches_of(on.cells, on.key))
    if not visitors:
        return []
    common = metadata(on.record, on.cause)
    return [TouchesDropped(**common, user_id=on.record.user_id, visitors=visitors)]


def is_weak(on: Question) -> bool:
    """Whether a touch counts only where there is no other."""
    return is_by_page(on.record) or is_backdated(on)


def _signups(on: Question) -> list[tuple[str, Millis]]:
    """The signups that decided, or that may: their ids and times."""
    known = [(decision.signup_event_id, decision.signed_up_at) for decision in on.state.decisions]
    if on.state.signup is not None:
        known.append((on.state.signup.event_id, on.state.signup.event_time))
    return known


def _reaches(on: Question, signed_up_at: Millis) -> bool:
    """Whether the touch's window reaches to a signup."""
    touch_time = on.record.touch_time
    assert touch_time is not None
    window = policy_of_touch(on).attribution_window_ms
    return touch_time <= signed_up_at <= touch_time + window


def _turn(on: Question, touch: Converted) -> tuple[bool, Millis, str]:
    assert touch.touch_code is not None
    assert touch.touch_time is not None
    code, evidence = touch.touch_code, touch.touch_code_evidence
    has_ended = code_has_ended(code, evidence, touch.touch_time, on)
    return has_ended, touch.touch_time, touch.touch_event_id or ""


def _refused(on: Question, due_at: Millis) -> Sequence[Event]:
    """The refusal of a touch; of all that come in one time of waiting, the first is refused."""
    record = on.record
    if on.cells.get(touch_key(record.user_id, ""), WaitingTouch).due_at != NEVER:
        return []
    detail = (
        f"by the word of pages, touches of {MOST_BY_PAGES} visitors wait for the signup of "
        f"{record.user_id}, so not that of {record.visitor_id}, nor of others that come meanwhile; "
        f"let a server identify the visitor"
    )
    common = metadata(record, on.cause, "too_many_touches")
    mark = TouchRefused(**metadata(record, on.cause), user_id=record.user_id, due_at=due_at)
    return [Refused(**common, reason="too_many_touches", detail=detail), mark]


def _is_full(on: Question) -> bool:
    by_pages = [touch for touch in touches_of(on.cells, on.key) if is_by_page(touch)]
    others = [touch for touch in by_pages if touch.visitor_id != on.record.visitor_id]
    return len(others) >= MOST_BY_PAGES

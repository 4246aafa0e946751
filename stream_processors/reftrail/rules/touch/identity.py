"""Visitors who are known to be users: their touches count for signups on other devices.

Attribution decides whether a touch counts: it knows the user's signup, and this stage doesn't.
"""

import msgspec

from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.events import Click, Identified, KeyKind, Signup, View
from reftrail.contracts.stage_messages import UserSeen
from reftrail.rules.decider import Cause, Refused, metadata
from reftrail.rules.touch.events import (
    TouchedUnderEndedCode,
    TouchEvent,
    UserRefused,
    VisitorIdentified,
    identified_by,
    seen_in,
)
from reftrail.rules.touch.state import (
    MOST_USERS,
    NEVER,
    NOBODY,
    IdentifiedUser,
    TouchState,
    has_refused,
    touch_under_ended_code,
    users_of,
    with_touch,
)


def identify(state: TouchState, event: Identified, cause: Cause) -> list[TouchEvent]:
    """Remember the user, and report the touch that the visitor has.

    A page's word adds nothing to a server's. Later touches are reported as they come. Pages and
    servers each name a bounded number of users; who is named beyond is refused. Since any page can
    name as many as it likes, that is said once for a visitor.
    """
    user = IdentifiedUser(
        event.user_id,
        event.event_id,
        event.received_at,
        event.key_kind == KeyKind.PUBLISHABLE,
        event.device_hash,
        event.ip_hash,
        event.network_hash,
    )
    known = {known.user_id: known for known in users_of(state)}
    before = known.get(user.user_id)
    if event.is_bot or (before is not None and (user.by_page or not before.by_page)):
        return []
    if sum(named.by_page == user.by_page for named in known.values()) >= MOST_USERS:
        return _refused(state, user, event, cause)
    remembered = VisitorIdentified(**metadata(event, cause), visitor_id=event.visitor_id, user=user)
    seen = _seen_with(state, user.user_id, event, cause)
    touch = state if state.touch_time != NEVER else touch_under_ended_code(state)
    if touch == NOBODY:
        return [remembered, *seen]
    return [remembered, *seen, identified_by(user, event.visitor_id, touch, event, cause)]


def _refused(
    state: TouchState, user: IdentifiedUser, event: Identified, cause: Cause
) -> list[TouchEvent]:
    if has_refused(state, by_page=user.by_page):
        return []
    by = "pages" if user.by_page else "servers"
    detail = (
        f"visitor {event.visitor_id} is known as {MOST_USERS} users by the word of {by}, so not as "
        f"{user.user_id}: a touch of that visitor doesn't count for this user's signup elsewhere, "
        f"nor for that of any other who is named so from now on"
    )
    common = metadata(event, cause, "too_many_users")
    mark = UserRefused(**metadata(event, cause), visitor_id=event.visitor_id, by_page=user.by_page)
    return [Refused(**common, reason="too_many_users", detail=detail), mark]


def with_other_users(
    state: TouchState, event: View | Click, cause: Cause, events: list[TouchEvent]
) -> list[TouchEvent]:
    """The events of a touch, and a report of it for each user of the visitor."""
    users = users_of(state)
    touched = _touched(events) if users else None
    if touched is None:
        return events
    touch = with_touch(NOBODY, touched)
    reports = (identified_by(user, event.visitor_id, touch, event, cause) for user in users)
    return [*events, *reports]


def with_others_seen(
    state: TouchState, signup: Signup, cause: Cause, converted: Converted
) -> list[TouchEvent]:
    """A signup, behind the message that its browser has other users, if it has any."""
    if not state.users and state.user_id in ("", signup.user_id):
        return [converted]
    seen = _seen_with(state, signup.user_id, signup, cause)
    return [*seen, converted]


def _seen_with(
    state: TouchState, user_id: str, event: Signup | Identified, cause: Cause
) -> list[UserSeen]:
    """The users of a browser, if there are others than the one who signs up or is identified.

    The first who signed up counts with the time of that, and is there by now, too.
    """
    known = {user.user_id: user.by_page for user in users_of(state)}
    if state.user_id:
        known[state.user_id] = False
    known.pop(user_id, None)
    if not known or event.visitor_id is None:
        return []
    visitor = event.visitor_id
    how = {"has_signed_up": isinstance(event, Signup)}
    how["by_page"] = isinstance(event, Identified) and event.key_kind == KeyKind.PUBLISHABLE
    seen = [seen_in(visitor, user_id, event, cause, **how)]
    others = known.items()
    seen += (seen_in(visitor, other, event, cause, by_page=by_page) for other, by_page in others)
    if state.user_id in known:
        signed_up = seen_in(visitor, state.user_id, event, cause, has_signed_up=True)
        seen.append(msgspec.structs.replace(signed_up, event_time=state.signed_up_at))
    return seen


def _touched(events: list[TouchEvent]) -> Touched | None:
    for event in events:
        match event:
            case Touched():
                return event
            case TouchedUnderEndedCode():
                return event.touched
    return None

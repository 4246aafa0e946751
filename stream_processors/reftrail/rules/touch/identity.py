"""Visitors who are known to be users: their touches count for signups on other devices.

Attribution decides whether a touch counts: it knows the user's signup, and this stage doesn't.
"""

from reftrail.contracts.conversions import Touched
from reftrail.contracts.events import Click, Identified, KeyKind, View
from reftrail.rules.decider import Cause, metadata
from reftrail.rules.touch.events import (
    TouchedUnderEndedCode,
    TouchEvent,
    VisitorIdentified,
    identified_by,
)
from reftrail.rules.touch.state import (
    MOST_USERS,
    NEVER,
    NOBODY,
    IdentifiedUser,
    TouchState,
    touch_under_ended_code,
    users_of,
    with_touch,
)


def identify(state: TouchState, event: Identified, cause: Cause) -> list[TouchEvent]:
    """Remember the user, and report the touch that the visitor has.

    A page's word adds nothing to a server's. Later touches are reported as they come.
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
    is_full = before is None and len(known) >= MOST_USERS
    if event.is_bot or is_full or (before is not None and (user.by_page or not before.by_page)):
        return []
    remembered = VisitorIdentified(**metadata(event, cause), visitor_id=event.visitor_id, user=user)
    touch = state if state.touch_time != NEVER else touch_under_ended_code(state)
    if touch == NOBODY:
        return [remembered]
    return [remembered, identified_by(user, event.visitor_id, touch, event, cause)]


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


def _touched(events: list[TouchEvent]) -> Touched | None:
    for event in events:
        match event:
            case Touched():
                return event
            case TouchedUnderEndedCode():
                return event.touched
    return None

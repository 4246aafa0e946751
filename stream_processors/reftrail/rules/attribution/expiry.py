"""Timers of the attribution stage: the end of waiting, and of the memory of refunds."""

from reftrail.contracts.decisions import TAKE_BACK
from reftrail.rules.attribution.foreign_orders import ask_about_order
from reftrail.rules.attribution.refusals import refused
from reftrail.rules.attribution.state import state_of
from reftrail.rules.attribution.state_events import (
    Event,
    ForgottenRefundsDropped,
    RefundForgotten,
    TouchesDropped,
    WaitingEnded,
)
from reftrail.rules.attribution.user_action import LoggedAction
from reftrail.rules.attribution.waiting import WaitingAction, waiting_key
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, TimerFired, metadata

REMEMBERED_LONGER = 12
"""The factor by which a refund is remembered longer than it waits: a year for 30 days."""


def expire(cells: Cells, fired: TimerFired, cause: Cause) -> list[Event]:
    """End the wait of a purchase, refund or touch, or drop the refunds of an order.

    fired.action is the key after the user, such as `w:event`.
    """
    kind, _, name = fired.action.partition(":")
    if kind == "w":
        return _stop_waiting(cells, fired, name, cause)
    if kind == "t":
        common = metadata(fired, cause, f"touch_dropped {name}")
        return [TouchesDropped(**common, user_id=fired.user_id, visitors=(name,))]
    common = metadata(fired, cause, f"dropped {name}")
    return [ForgottenRefundsDropped(**common, user_id=fired.user_id, order_id=name)]


def _stop_waiting(cells: Cells, fired: TimerFired, event_id: str, cause: Cause) -> list[Event]:
    """End the wait of a purchase or refund. If the user never signed up, it becomes a dead letter.

    It can be put back from there after the signup. If the user signed up and nobody referred them,
    it just ends. Of a refund it is asked once more whose the order is. It is remembered longer,
    since its purchase may be sent again.
    """
    waiting = cells.get(waiting_key(fired.user_id, event_id), WaitingAction)
    if waiting.is_empty:
        return []
    action = waiting.action(event_id)
    common = metadata(fired, cause, f"waiting_ended {event_id}")
    events: list[Event] = [WaitingEnded(**common, user_id=fired.user_id, ended=(event_id,))]
    if action.kind in TAKE_BACK and action.order_id is not None:
        forgotten = RefundForgotten(
            **metadata(fired, cause, f"refund_forgotten {event_id}"),
            user_id=fired.user_id,
            order_id=action.order_id,
            refund_event_id=event_id,
            due_at=action.received_at + REMEMBERED_LONGER * waiting.wait,
        )
        events.append(forgotten)
    state = state_of(cells, fired.user_id)
    logged = LoggedAction(action, waiting.cause(cause))
    if not state.decisions:
        events += ask_about_order(cells, logged, fired.user_id, fired, cause)
    if state.decisions or state.signup is not None:
        return events
    detail = (
        f"the {action.kind} of this user waited for a signup until its time was over; put it "
        f"back if the user has signed up since"
    )
    return [*events, refused(fired, logged, reason="no_signup", detail=detail)]

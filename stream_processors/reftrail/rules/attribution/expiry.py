"""Timers of the attribution stage: the end of waiting, and of the memory of refunds."""

from reftrail.contracts.decisions import Action
from reftrail.rules.attribution.claims import LoggedDeed
from reftrail.rules.attribution.refusals import refused
from reftrail.rules.attribution.state import (
    Event,
    ForgottenRefundsDropped,
    RefundForgotten,
    WaitingEnded,
    state_of,
)
from reftrail.rules.attribution.waiting import WaitingDeed, waiting_key
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Woken, because

REMEMBERED_LONGER = 12
"""How many times as long as it waits a refund is remembered: a year, where it waits 30 days."""


def expire(cells: Cells, fired: Woken, cause: Cause) -> list[Event]:
    """End the wait of a purchase or refund, or drop the refunds of an order.

    fired.action is the key after the user, such as `w:event`.
    """
    kind, _, name = fired.action.partition(":")
    if kind == "w":
        return _stop_waiting(cells, fired, name, cause)
    common = because(fired, cause, f"dropped {name}")
    return [ForgottenRefundsDropped(**common, user_id=fired.user_id, order_id=name)]


def _stop_waiting(cells: Cells, fired: Woken, event_id: str, cause: Cause) -> list[Event]:
    """End the wait of a purchase or refund. If the user never signed up, it becomes a dead letter.

    It can be put back from there after the signup. If the user signed up and nobody referred them,
    it just ends. A refund is remembered longer, since its purchase may be sent again.
    """
    waiting = cells.get(waiting_key(fired.user_id, event_id), WaitingDeed)
    if waiting.is_empty:
        return []
    deed = waiting.deed(event_id)
    common = because(fired, cause, f"waiting_ended {event_id}")
    events: list[Event] = [WaitingEnded(**common, user_id=fired.user_id, ended=(event_id,))]
    if deed.action == Action.REFUND and deed.order_id is not None:
        forgotten = RefundForgotten(
            **because(fired, cause, f"refund_forgotten {event_id}"),
            user_id=fired.user_id,
            order_id=deed.order_id,
            refund_event_id=event_id,
            due_at=deed.received_at + REMEMBERED_LONGER * waiting.wait,
        )
        events.append(forgotten)
    state = state_of(cells, fired.user_id)
    if state.decisions or state.signup is not None:
        return events
    detail = (
        f"the {deed.action} of this user waited for a signup until its time was over; put it "
        f"back if the user has signed up since"
    )
    logged = LoggedDeed(deed, waiting.place(cause))
    return [*events, refused(fired, logged, reason="no_signup", detail=detail)]

"""Events of clients, with the fields that a test doesn't name filled in."""

from typing import Any

from reftrail.contracts.events import (
    Click,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    FormStarted,
    Identified,
    Purchase,
    Refund,
    Signup,
    UsersMerged,
    View,
)
from reftrail.testing.outlines import CAMPAIGN, USER, VISITOR, micros
from reftrail.testing.times import moment


def view(code: str | None, at: str, **overrides: Any) -> Event:
    """The visitor saw a code."""
    return View(**_event("view", at, {"visitor_id": VISITOR, "code": code} | overrides))


def click(code: str | None, at: str, **overrides: Any) -> Event:
    """The visitor followed a link with a code."""
    return Click(**_event("click", at, {"visitor_id": VISITOR, "code": code} | overrides))


def form_started(at: str, **overrides: Any) -> Event:
    """The visitor began to fill in the form."""
    return FormStarted(**_event("form_started", at, {"visitor_id": VISITOR} | overrides))


def signup(at: str, *, typed: str | None = None, **overrides: Any) -> Event:
    """The visitor became a user, and may have typed in a code."""
    fields = {"visitor_id": VISITOR, "user_id": USER, "code": typed}
    return Signup(**_event("signup", at, fields | overrides))


def identified(user_id: str, at: str, **overrides: Any) -> Event:
    """The visitor is known to be a user."""
    fields = {"visitor_id": VISITOR, "user_id": user_id}
    return Identified(**_event("identified", at, fields | overrides))


def users_merged(user_id: str, into: str, at: str, **overrides: Any) -> Event:
    """A user is merged into an account."""
    fields = {"user_id": user_id, "merged_into": into}
    return UsersMerged(**_event(f"users_merged {user_id} {into}", at, fields | overrides))


def purchase(order: str, at: str, *, paid: float = 100, **overrides: Any) -> Event:
    """The user paid for an order, in dollars by default."""
    fields = {
        "user_id": USER,
        "order_id": order,
        "amount_micros": micros(paid),
        "currency": "USD",
    }
    return Purchase(**_event(f"purchase {order}", at, fields | overrides))


def refund(order: str, at: str, *, paid_back: float | None = None, **overrides: Any) -> Event:
    """An order was paid back: in full, or so much of it."""
    fields = {"user_id": USER, "order_id": order, "amount_micros": micros(paid_back)}
    return Refund(**_event(f"refund {order}", at, fields | overrides))


def dispute(
    what: str, order: str, at: str, *, part: float | None = None, **overrides: Any
) -> Event:
    """A dispute about an order, or a part of it, was opened, won or lost."""
    kinds = {"opened": DisputeOpened, "won": DisputeWon, "lost": DisputeLost}
    fields = {
        "user_id": USER,
        "order_id": order,
        "dispute_id": f"about {order}",
        "amount_micros": micros(part),
        "currency": None if part is None else "USD",
    }
    return kinds[what](**_event(f"dispute_{what} {order}", at, fields | overrides))


def _event(what: str, at: str, overrides: dict[str, Any]) -> dict[str, Any]:
    time = moment(at)
    defaults = {"event_id": f"{what} {at}", "event_time": time, "received_at": time}
    known = {"campaign_id": CAMPAIGN, "code_known": True} if overrides.get("code") else {}
    return defaults | known | overrides

"""Types of what happens in a scenario, and the fields that each type takes and needs."""

from enum import StrEnum
from typing import Final


class Decision(StrEnum):
    """The decision of a review, or about an adjustment."""

    APPROVE = "approve"
    DECLINE = "decline"
    REVERSE = "reverse"
    REINSTATE = "reinstate"
    RETRY = "retry"


class HappeningType(StrEnum):
    """The type of a happening."""

    VIEW = "view"
    CLICK = "click"
    FORM_STARTED = "form_started"
    SIGNUP = "signup"
    PURCHASE = "purchase"
    REFUND = "refund"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    IDENTIFIED = "identified"
    USERS_MERGED = "users_merged"
    REVIEW = "review"
    ADJUSTMENT = "adjustment"
    ADJUSTMENT_DECISION = "adjustment_decision"
    FULFILMENT = "fulfilment"
    BLOCK = "block"
    ALLOW = "allow"
    UNLIST = "unlist"
    CODE = "code"
    TIME = "time"


WHO: Final[dict[HappeningType, tuple[str, ...]]] = {
    HappeningType.VIEW: ("visitor",),
    HappeningType.CLICK: ("visitor",),
    HappeningType.FORM_STARTED: ("visitor",),
    HappeningType.SIGNUP: ("visitor", "user"),
    HappeningType.PURCHASE: ("user",),
    HappeningType.REFUND: ("user",),
    HappeningType.DISPUTE_OPENED: ("user",),
    HappeningType.DISPUTE_WON: ("user",),
    HappeningType.DISPUTE_LOST: ("user",),
    HappeningType.IDENTIFIED: ("visitor", "user"),
    HappeningType.USERS_MERGED: ("user",),
    HappeningType.REVIEW: ("user",),
    HappeningType.ADJUSTMENT: ("user",),
    HappeningType.ADJUSTMENT_DECISION: ("user",),
    HappeningType.FULFILMENT: ("user",),
}
"""The fields that the person fills, where they aren't given."""

CLIENT_EVENTS: Final = (
    HappeningType.VIEW,
    HappeningType.CLICK,
    HappeningType.FORM_STARTED,
    HappeningType.SIGNUP,
    HappeningType.PURCHASE,
    HappeningType.REFUND,
    HappeningType.DISPUTE_OPENED,
    HappeningType.DISPUTE_WON,
    HappeningType.DISPUTE_LOST,
    HappeningType.IDENTIFIED,
    HappeningType.USERS_MERGED,
)
"""The events that clients send to the collector."""

SUBMITTED: Final = frozenset(
    {
        "event_id",
        "sent_at",
        "visitor",
        "user",
        "code",
        "campaign_id",
        "category",
        "channel",
        "source",
        "device",
        "ip",
        "user_agent",
        "country",
        "email",
        "order",
        "amount",
        "currency",
        "net_amount",
        "tax",
        "shipping",
        "refund_id",
        "amount_refunded",
        "dispute_id",
        "merged_into",
        "properties",
    }
)
"""The fields of an event besides its type and time: the collector's, which all events share."""

TAKES: Final[dict[HappeningType, frozenset[str]]] = dict.fromkeys(
    CLIENT_EVENTS, SUBMITTED | {"key"}
) | {
    HappeningType.REVIEW: frozenset(
        {"user", "code", "role", "action", "decision", "reason", "note"}
    ),
    HappeningType.ADJUSTMENT: frozenset(
        {
            "user",
            "code",
            "role",
            "action",
            "order",
            "amount",
            "currency",
            "kind",
            "reason",
            "note",
            "adjustment_id",
            "actor",
        }
    ),
    HappeningType.ADJUSTMENT_DECISION: frozenset(
        {"user", "code", "adjustment_id", "decision", "note", "actor"}
    ),
    HappeningType.FULFILMENT: frozenset({"user", "code", "role", "action", "outcome"}),
    HappeningType.BLOCK: frozenset({"subject", "value", "until", "reason"}),
    HappeningType.ALLOW: frozenset({"subject", "value", "until", "reason"}),
    HappeningType.UNLIST: frozenset({"subject", "value"}),
    HappeningType.CODE: frozenset({"code", "status", "owner"}),
    HappeningType.TIME: frozenset(),
}
"""The fields that each type has besides at, type, arrives and who."""

NEEDS: Final[dict[HappeningType, tuple[str, ...]]] = {
    HappeningType.VIEW: ("visitor",),
    HappeningType.CLICK: ("visitor",),
    HappeningType.FORM_STARTED: ("visitor",),
    HappeningType.SIGNUP: ("user",),
    HappeningType.PURCHASE: ("user", "amount"),
    HappeningType.REFUND: ("user", "order"),
    HappeningType.DISPUTE_OPENED: ("user", "order"),
    HappeningType.DISPUTE_WON: ("user", "order"),
    HappeningType.DISPUTE_LOST: ("user", "order"),
    HappeningType.IDENTIFIED: ("visitor", "user"),
    HappeningType.USERS_MERGED: ("user", "merged_into"),
    HappeningType.REVIEW: ("user", "code", "decision"),
    HappeningType.ADJUSTMENT: ("user", "code", "amount", "reason"),
    HappeningType.ADJUSTMENT_DECISION: ("user", "code", "adjustment_id", "decision"),
    HappeningType.FULFILMENT: ("user", "code", "role", "outcome"),
    HappeningType.BLOCK: ("subject", "value"),
    HappeningType.ALLOW: ("subject", "value"),
    HappeningType.UNLIST: ("subject", "value"),
    HappeningType.CODE: ("code",),
    HappeningType.TIME: (),
}

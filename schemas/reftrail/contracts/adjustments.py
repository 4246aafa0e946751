"""Adjustments of the ledger by hand, and decisions about them."""

from enum import StrEnum
from typing import Final

from reftrail.contracts.record import Micros, Record

ACTION: Final = "adjustment"
"""The first part of the action of an adjustment's ledger entries, before its id."""
_BEGINNING: Final = f"{ACTION}:"


def is_adjustment(action: str) -> bool:
    """Whether an action of the ledger is an adjustment by hand."""
    return action.startswith(_BEGINNING)


class AdjustmentDecision(StrEnum):
    """The decision of a second person about an adjustment that needs approval, or another try.

    A credit whose delivery failed is ordered once more by retry.
    """

    APPROVE = "approve"
    DECLINE = "decline"
    RETRY = "retry"


class Adjusted(Record, frozen=True, kw_only=True):
    """A credit or debit by hand, of one side of a referral.

    adjustment_id is the sender's: it names one adjustment of the user under the code, however often
    it is sent. value_micros is positive for a credit and negative for a debit. role says who gets
    it: the code's owner (referrer) or the user (referee); without it, the beneficiary of reward_id.
    order_id and reward_id are what it is about. kind is as in `RewardDecided`; without it, that of
    the reward, or else that of the campaign's rewards for the role. reason is a word such as
    goodwill, note is free text.
    """

    adjustment_id: str
    code: str
    user_id: str
    role: str | None = None
    value_micros: Micros
    currency: str
    kind: str | None = None
    reason: str
    note: str | None = None
    actor: str
    order_id: str | None = None
    reward_id: str | None = None


class AdjustmentDecided(Record, frozen=True, kw_only=True):
    """A second person approves or declines an adjustment, or a failed delivery is tried again."""

    adjustment_id: str
    code: str
    user_id: str
    decision: str
    actor: str
    note: str | None = None

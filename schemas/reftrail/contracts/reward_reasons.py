"""Reasons of ledger entries, as stable words: people look for them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol


class Reason(StrEnum):
    """The reasons of entries, but for suspicions; a rejection lists broken rules in this order."""

    UNKNOWN_CODE = "unknown_code"
    FORGED_CODE = "forged_code"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    CODE_INACTIVE = "code_inactive"
    CODE_EXPIRED = "code_expired"
    NOT_FOR_CHANNEL = "not_for_channel"
    NOT_FOR_REGION = "not_for_region"
    CAMPAIGN_NOT_RUNNING = "campaign_not_running"
    OUTSIDE_WINDOW = "outside_window"
    EXISTING_CUSTOMER = "existing_customer"
    CODE_USED_UP = "code_used_up"
    CAP_PER_CODE = "cap_per_code"
    CAP_PER_CODE_PER_DAY = "cap_per_code_per_day"
    CURRENCY_MISMATCH = "currency_mismatch"
    ORDER_OF_ANOTHER = "order_of_another"
    EMAIL_OF_ANOTHER = "email_of_another"
    CAP_PER_REFERRER = "cap_per_referrer"
    CAP_PER_REFERRER_PER_DAY = "cap_per_referrer_per_day"
    CAP_BUDGET = "cap_budget"
    CAP_BUDGET_PER_DAY = "cap_budget_per_day"
    SELF_REFERRAL = "self_referral"
    HOLDING_PERIOD = "holding_period"
    HOLD_ENDED = "hold_ended"
    APPROVED = "approved"
    DECLINED = "declined"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    TAKEN_BACK = "taken_back"
    USERS_MERGED = "users_merged"
    MILESTONE_LOST = "milestone_lost"
    NOT_DELIVERED = "not_delivered"
    TRIED_AGAIN = "tried_again"
    NOT_USED_IN_TIME = "not_used_in_time"
    DELIVERED_IN_TIME = "delivered_in_time"
    DELIVERED_ANYWAY = "delivered_anyway"
    REINSTATED = "reinstated"
    ALREADY_DELIVERED = "already_delivered"
    DISPUTED = "disputed"
    DISPUTE_ENDED = "dispute_ended"
    DISPUTE_LOST = "dispute_lost"
    NEEDS_APPROVAL = "needs_approval"
    ADDED_UP = "added_up"


def by_hand(word: str | None) -> str | None:
    """A reason that a person gives; None for a word that the ledger has for a reason of its own.

    Programs go by those: an entry with partly_refunded takes a part of a reward back.
    """
    return None if word in _OWN else word


class Reasoned(Protocol):
    """An entry of the ledger, wherever it was read."""

    @property
    def reasons(self) -> Sequence[str]:
        """The reasons of a decision."""


def is_part(entry: Reasoned) -> bool:
    """Whether an entry takes a part of a reward back, which leaves its status as it is."""
    return _PARTLY_REFUNDED in entry.reasons


def is_again(entry: Reasoned) -> bool:
    """Whether an entry grants again what was granted before, and failed or expired since.

    Or what was held since, by a dispute.
    """
    return not _AGAIN.isdisjoint(entry.reasons)


_OWN: Final = frozenset(Reason)
_PARTLY_REFUNDED: Final = Reason.PARTLY_REFUNDED  # a member of an enum takes long to look up
_AGAIN: Final = frozenset({Reason.TRIED_AGAIN, Reason.DELIVERED_IN_TIME, Reason.DISPUTE_ENDED})

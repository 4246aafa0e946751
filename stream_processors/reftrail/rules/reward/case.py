"""Reward of an action: the fields that its ledger entries share, and both sides."""

from typing import Final

import msgspec

from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.record import DAY, Micros, Millis
from reftrail.rules.fraud.case import Evidence
from reftrail.rules.reward.transitions import ENDED, QUALIFIED

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_GRANTED: Final = RewardStatus.GRANTED
_REJECTED: Final = RewardStatus.REJECTED
_MILESTONE: Final = Role.MILESTONE


class SideReward(msgspec.Struct, frozen=True, array_like=True):
    """One side's reward: its value and status.

    status is empty until it is decided. entry_id is the ledger entry that a later one supersedes:
    the last one that held or granted it, or says that fulfilment failed. taken_back is how much of
    value is gone for good by refunds. due_at is when its hold ends, or a granted one expires.
    reserved is how much of budgets it takes (`reward.budgets`). ordered is what was ordered to be
    fulfilled, the last time; 0 where nothing was. Where the value is a share of an order, rate is
    the share in millionths of base_micros, maximum the most, and currency the order's; otherwise
    the currency is the case's. Where the value depends on the order's amount, bands has the least
    amounts and their values, and base_micros is the amount. is_lost: it is the bonus of a milestone
    that was lost since. disputed is its status before a dispute that is open: granted or held.
    hold_until is the end of its holding period, once a review has approved what spoke against it:
    then it is granted. is_taken_back: it was granted, and rejected while a dispute held it.
    """

    role: str
    beneficiary: str | None
    value_micros: Micros
    kind: str
    item: str | None = None
    status: str = ""
    entry_id: str = ""
    taken_back: Micros = 0
    due_at: Millis | None = None
    reserved: Micros = 0
    ordered: Micros = 0
    rate: int = 0
    base_micros: Micros = 0
    maximum: Micros | None = None
    currency: str = ""
    bands: tuple[tuple[Micros, Micros], ...] = ()
    is_lost: bool = False
    disputed: str = ""
    hold_until: Millis | None = None
    is_taken_back: bool = False

    @property
    def has_earned(self) -> bool:
        """Whether it was granted, taken back since or not, or may yet be, being held."""
        return bool(self.status) and (self.status != _REJECTED or self.is_taken_back)

    @property
    def is_qualified(self) -> bool:
        """Whether it counts for milestones. While its order is disputed, it does as before."""
        return self.status in QUALIFIED or self.disputed == _GRANTED

    @property
    def remaining(self) -> Micros:
        """The value without what refunds took."""
        return self.value_micros - self.taken_back

    @property
    def is_collected(self) -> bool:
        """Whether a reward that has ended is known to be delivered: it is to be collected."""
        return self.status in ENDED and self.reserved > 0


class RewardCase(msgspec.Struct, frozen=True, array_like=True):
    """An action that earned or was rejected: the common fields of its entries, and both sides.

    claim_id is the event_id of the claim or milestone. decided_at is the earliest time of the
    decision. The last fields are from the policy at that time: what follows the hold, how long a
    grant is good, and what refunds do. reservations are reserved for the case itself (budgets, the
    order, the address; of a rejected one only the address that it would need), user_reservations
    under limits that count the user. arm and utm_source are those of the claim.
    counts_gross: budgets keep what was granted, whatever is reversed later. refused_by is the key
    of the limit, shared or of the code, that had no place for it. terms_at is the time of the
    version that decided, where that isn't the action's: the signup's (`terms_from`).
    """

    action: str
    claim_id: str
    action_event_id: str
    action_time: Millis
    received_at: Millis
    basis: str
    sides: tuple[SideReward, ...]
    currency: str
    verdict: str
    score: int = 0
    evidence: tuple[Evidence, ...] = ()
    campaign_id: str | None = None
    campaign_version: int | None = None
    category: str | None = None
    channel: str | None = None
    touch_event_id: str | None = None
    root_reference: str | None = None
    origin_source: str | None = None
    order_id: str | None = None
    decided_at: Millis = 0
    hold_until: Millis | None = None
    at_holds_end: str = ""
    expires_after: Millis | None = None
    on_refund: str = ""
    counts_by_day: bool = False
    reservations: tuple[str, ...] = ()
    user_reservations: tuple[str, ...] = ()
    arm: str | None = None
    counts_gross: bool = False
    refused_by: str = ""
    terms_at: Millis | None = None
    utm_source: str | None = None

    @property
    def decided_by(self) -> Millis:
        """The time of the campaign's version that decided."""
        return self.action_time if self.terms_at is None else self.terms_at

    @property
    def day(self) -> int:
        """The UTC day of the action, counted from 1970."""
        return self.action_time // DAY

    @property
    def is_bonus(self) -> bool:
        """Whether it is a referrer's bonus for a milestone."""
        return self.basis == _MILESTONE

    @property
    def counts(self) -> bool:
        """Whether some side has earned, taken back since or not, or may yet, being held."""
        for side in self.sides:  # noqa: SIM110 - any would take twice as long; it is asked often
            if side.has_earned:
                return True
        return False

    @property
    def has_ended(self) -> bool:
        """Whether no side can change any more."""
        return all(side.status in ENDED for side in self.sides)

    def side(self, role: str) -> SideReward | None:
        """The side of a role, if it has one."""
        return next((side for side in self.sides if side.role == role), None)

"""Worth of each reward to its beneficiary, folded from the entries of the ledger."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.rules.reward.transitions import effect

_SETTLED: Final = (RewardStatus.GRANTED, RewardStatus.REVERSED, RewardStatus.ADJUSTED)
"""The statuses after which nothing of a reward has lapsed any more."""


@dataclass(slots=True)
class RewardAccount:
    """One reward, after all of its entries so far.

    Its kind, currency, campaign, order and acted_at are those of its first grant: what was rejected
    and is decided on again after a merge may have others. balance_micros is the sum of what its
    entries add and take away. lapsed_micros is what failed or expired, and was neither granted
    again nor reversed. delivered has, by the event_id of a report, how much that report says was
    delivered. granted_at is when it was first worth something, acted_at when the order or signup
    was that earned it.
    """

    reward_id: str
    code: str
    user_id: str
    role: str
    action: str
    kind: str
    currency: str
    beneficiary: str | None = None
    campaign_id: str | None = None
    order_id: str | None = None
    status: str = ""
    balance_micros: Micros = 0
    lapsed_micros: Micros = 0
    granted_at: Millis | None = None
    acted_at: Millis | None = None
    delivered: dict[str, Micros] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _reinstating: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, entry: RewardDecided) -> "RewardAccount":
        """The account that an entry opens; the entry itself isn't counted yet."""
        return cls(
            reward_id=entry.reward_id,
            code=entry.code,
            user_id=entry.user_id,
            role=entry.role,
            action=entry.action,
            kind=entry.kind,
            currency=entry.currency,
        )

    def count(self, entry: RewardDecided) -> None:
        """Add an entry; one that comes twice counts once."""
        if entry.event_id in self._seen:
            return
        self._seen.add(entry.event_id)
        self.beneficiary = entry.beneficiary or self.beneficiary
        if self.granted_at is None:
            self._describe(entry)
        if is_part(entry):
            self.balance_micros += effect(entry)
            return
        self._count_value(entry)
        self._count_delivery(entry)
        if entry.status != RewardStatus.ADJUSTED or is_adjustment(self.action):
            self.status = entry.status

    def entitled(self, settled: Micros) -> Micros:
        """The sum due to the beneficiary in all, where settled of it was paid.

        A failed delivery is still due: the next one may succeed. What expired is not, but for what
        was approved before that.
        """
        if self.status == RewardStatus.FAILED:
            return self.balance_micros + self.lapsed_micros
        if self.status == RewardStatus.EXPIRED:
            return self.balance_micros + min(self.lapsed_micros, max(settled, 0))
        return self.balance_micros

    def delivered_by_others(self, own: Collection[str]) -> Micros:
        """The amount delivered according to reports that are not in own."""
        return sum(micros for report, micros in self.delivered.items() if report not in own)

    def _describe(self, entry: RewardDecided) -> None:
        """Take over what an entry says of the reward, until it is first worth something."""
        self.kind, self.currency = entry.kind, entry.currency
        self.campaign_id, self.order_id = entry.campaign_id, entry.order_id
        self.acted_at = entry.action_time

    def _count_value(self, entry: RewardDecided) -> None:
        self.balance_micros += effect(entry)
        if entry.status in _SETTLED:
            self.lapsed_micros = 0
        elif entry.status in (RewardStatus.FAILED, RewardStatus.EXPIRED):
            self.lapsed_micros = entry.value_micros
        if self.granted_at is None and entry.status in (
            RewardStatus.GRANTED,
            RewardStatus.ADJUSTED,
        ):
            self.granted_at = max(entry.event_time, entry.decided_at or entry.event_time)

    def _count_delivery(self, entry: RewardDecided) -> None:
        """Add what a delivery gave, beyond what was left of the reward included."""
        if Reason.ALREADY_DELIVERED in entry.reasons:
            self._reinstating.add(entry.cause_event_id)
        if entry.cause_event_id in self._reinstating:
            return  # an earlier delivery holds good again
        owed = entry.clawback_micros or 0
        if Reason.ALREADY_DELIVERED in entry.reasons:
            return  # a reinstatement of what was counted before
        if entry.status == RewardStatus.FULFILLED:
            self.delivered[entry.cause_event_id] = entry.value_micros + owed
        elif Reason.DELIVERED_ANYWAY in entry.reasons:
            self.delivered[entry.cause_event_id] = owed


def accounts_of(
    entries: Iterable[RewardDecided], kinds: Collection[str]
) -> Mapping[str, RewardAccount]:
    """The accounts of all rewards of some kinds, by reward_id."""
    accounts: dict[str, RewardAccount] = {}
    for entry in entries:
        if entry.kind not in kinds:
            continue
        account = accounts.get(entry.reward_id)
        if account is None:
            account = accounts[entry.reward_id] = RewardAccount.of(entry)
        account.count(entry)
    return accounts

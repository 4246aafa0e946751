"""Entries of each reward by its life, and what they add up to."""

from collections import Counter, defaultdict

import msgspec
from property.lives import ledger

from reftrail.contracts.decisions import RewardDecided, RewardStatus, Role
from reftrail.contracts.record import Micros
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost


def lives(host: MemoryHost) -> dict[str, list[RewardDecided]]:
    found = defaultdict(list)
    for entry in ledger(host):
        found[entry.reward_id].append(entry)
    return found


def last_status(entries: list[RewardDecided]) -> str:
    return [entry.status for entry in entries if not is_part(entry)][-1]


def was_paid_back(entries: list[RewardDecided]) -> bool:
    """Whether a refund rejected a reward that was held."""
    return entries[0].status == RewardStatus.HELD and Reason.REFUNDED in entries[-1].reasons


def balances(host: MemoryHost) -> dict[tuple[str, str], Micros]:
    """By beneficiary and currency, without those who have nothing."""
    sums: Counter[tuple[str, str]] = Counter()
    for entry in ledger(host):
        sums[entry.beneficiary or "", entry.currency] += effect(entry)
    return {whose: worth for whose, worth in sums.items() if worth}


def is_referral(entry: RewardDecided) -> bool:
    return entry.role != Role.MILESTONE


def packed(records: object) -> list[bytes]:
    return sorted(msgspec.json.encode(record) for record in records)  # type: ignore[attr-defined]

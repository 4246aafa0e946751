"""A user's entries in the ledger, added up: by currency, by campaign, by code, by shipment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.record import Micros, Millis
from reftrail.rules.transitions import effect_of


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of `queries/user/entries.sql`. campaign is empty where there is none."""

    reward_id: str
    status: str
    value_micros: Micros
    currency: str
    kind: str
    role: str
    code: str
    user_id: str
    campaign: str
    ms: Millis
    item: str | None
    is_part: bool
    is_again: bool


@dataclass(slots=True)
class Sum:
    """pending is of rewards about which nothing is decided but that they are held."""

    balance: Micros = 0
    pending: Micros = 0
    held: int = 0


@dataclass(slots=True)
class Counters:
    """What came of one code for its owner: rewards by how they went, users through whom granted."""

    granted: int = 0
    held: int = 0
    rejected: int = 0
    users: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Shipment:
    """A reward sent by a carrier: its first grant, and the entry that says how it stands."""

    ordered_at: Millis
    now: Entry


@dataclass(slots=True)
class Earnings:
    """sums by (currency, kind), grants by campaign as the milestone stage counts them."""

    sums: dict[tuple[str, str], Sum] = field(default_factory=lambda: defaultdict(Sum))
    grants: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    codes: dict[str, Counters] = field(default_factory=lambda: defaultdict(Counters))
    shipments: dict[str, Shipment] = field(default_factory=dict)
    last: Entry | None = None


def earnings(entries: Sequence[Entry]) -> Earnings:
    """All of a user's entries, in the order of the log, as sums."""
    found = Earnings()
    rewards: dict[str, set[str]] = {}
    for entry in entries:
        known = rewards.setdefault(entry.reward_id, set())
        found.sums[entry.currency, entry.kind].balance += effect_of(
            entry.status, entry.value_micros
        )
        if entry.role == Role.REFERRER:
            _count(found, entry, known)
        if entry.status == RewardStatus.GRANTED and (
            found.last is None or entry.ms >= found.last.ms
        ):
            found.last = entry
        if entry.kind == "shipment":
            _ship(found, entry)
        known.add(entry.status)
    for entry in entries:
        if rewards[entry.reward_id] == {RewardStatus.HELD}:
            total = found.sums[entry.currency, entry.kind]
            total.pending += entry.value_micros
            total.held += 1
            found.codes[entry.code].held += entry.role == Role.REFERRER
    return found


def _count(found: Earnings, entry: Entry, known: set[str]) -> None:
    counters = found.codes[entry.code]
    match entry.status:
        case RewardStatus.GRANTED:
            counters.granted += RewardStatus.GRANTED not in known
            counters.users.add(entry.user_id)
            found.grants[entry.campaign] += not entry.is_again
        case RewardStatus.REJECTED:
            counters.rejected += 1
        case RewardStatus.REVERSED:
            found.grants[entry.campaign] -= not entry.is_part


def _ship(found: Earnings, entry: Entry) -> None:
    """Taking a part back leaves a reward where it was."""
    known = found.shipments.get(entry.reward_id)
    if known is not None and not entry.is_part:
        known.now = entry
    elif entry.status == RewardStatus.GRANTED:
        found.shipments[entry.reward_id] = Shipment(entry.ms, entry)

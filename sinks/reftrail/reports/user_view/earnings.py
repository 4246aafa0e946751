"""Earnings of a user: entries of the ledger summed by currency, campaign, code and shipment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.reward_reasons import is_again, is_part
from reftrail.reports.user_view.rows import EntryRow

_PRECEDENCE: Final = attrgetter("precedence")
# Looked up once: some users have ten thousand entries.
_GRANTED: Final = RewardStatus.GRANTED.value
_HELD: Final = RewardStatus.HELD.value
_REJECTED: Final = RewardStatus.REJECTED.value
_FULFILLED: Final = RewardStatus.FULFILLED.value
_COUNTED: Final = frozenset({_GRANTED, _REJECTED, RewardStatus.REVERSED.value})
_ENDED: Final = frozenset({_REJECTED, RewardStatus.REVERSED.value})
_REFERRER: Final = Role.REFERRER.value


@dataclass(slots=True)
class Sum:
    """Totals of one currency and kind.

    pending is of rewards about which nothing is decided but that they are held; to_collect is what
    was delivered and taken back, before or after that.
    """

    balance: Micros = 0
    to_collect: Micros = 0
    pending: Micros = 0
    held: int = 0


@dataclass(slots=True)
class Counters:
    """Counters of one code for its owner: rewards by status, and users through whom granted."""

    granted: int = 0
    held: int = 0
    rejected: int = 0
    users: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Shipment:
    """A reward sent by a carrier: its first grant, and the entry with its present state."""

    ordered_at: Millis
    now: EntryRow


@dataclass(slots=True)
class Earnings:
    """sums by (currency, kind), grants by campaign as the milestone stage counts them."""

    sums: dict[tuple[str, str], Sum] = field(default_factory=lambda: defaultdict(Sum))
    grants: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    codes: dict[str, Counters] = field(default_factory=lambda: defaultdict(Counters))
    shipments: dict[str, Shipment] = field(default_factory=dict)
    last: EntryRow | None = None


def each_once(rows: Sequence[EntryRow]) -> list[EntryRow]:
    """Entries, the last one about each reward last; those that came twice left out."""
    known = {one.event_id: one for one in rows}
    if len(known) < len(rows):
        known = {one.event_id: one for one in sorted(rows, key=_PRECEDENCE)}
    return sorted(known.values(), key=_order)


def _order(entry: EntryRow) -> tuple[bool, int, bool, str]:
    """As in the view `reward_balances`: what ends a reward is last, wherever its cause is."""
    return entry.status in _ENDED, entry.position, entry.status == _FULFILLED, entry.event_id


def earnings(entries: Sequence[EntryRow]) -> Earnings:
    """All of a user's entries as sums, the last one about each reward last."""
    found = Earnings()
    added: dict[tuple[str, str], Micros] = defaultdict(int)
    owed: dict[tuple[str, str], Micros] = defaultdict(int)
    granted: set[str] = set()
    decided: set[str] = set()
    for entry in entries:
        status = entry.status
        added[entry.currency, entry.kind] += entry.effect_micros
        owed[entry.currency, entry.kind] += entry.clawback_micros
        if status != _HELD:
            decided.add(entry.reward_id)
        if status in _COUNTED and entry.role == _REFERRER:
            _count(found, entry, granted)
        if status == _GRANTED:
            granted.add(entry.reward_id)
            if found.last is None or entry.ms >= found.last.ms:
                found.last = entry
        if entry.kind == "shipment":
            _ship(found, entry)
    for key, value in added.items():
        found.sums[key].balance = value
        found.sums[key].to_collect = owed[key]
    for entry in entries:
        if entry.status == _HELD and entry.reward_id not in decided:
            _hold(found, entry)
    return found


def _count(found: Earnings, entry: EntryRow, granted: set[str]) -> None:
    if entry.status == _GRANTED:
        counters = found.codes[entry.code]
        counters.granted += entry.reward_id not in granted
        counters.users.add(entry.user_id)
        found.grants[entry.campaign_id or ""] += not is_again(entry)
    elif entry.status == _REJECTED:
        found.codes[entry.code].rejected += 1
    else:
        found.grants[entry.campaign_id or ""] -= not is_part(entry)


def _hold(found: Earnings, entry: EntryRow) -> None:
    total = found.sums[entry.currency, entry.kind]
    total.pending += entry.value_micros
    total.held += 1
    found.codes[entry.code].held += entry.role == _REFERRER


def _ship(found: Earnings, entry: EntryRow) -> None:
    """Taking a part back leaves a reward where it was."""
    known = found.shipments.get(entry.reward_id)
    if known is None:
        if entry.status == _GRANTED:
            found.shipments[entry.reward_id] = Shipment(entry.ms, entry)
    elif not is_part(entry):
        known.now = entry

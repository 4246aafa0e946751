"""Earnings of a user: entries of the ledger summed by currency, campaign, code and shipment."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.reward_reasons import Reason, is_again, is_part
from reftrail.reports.user_view.rows import EntryRow

_PRECEDENCE: Final = attrgetter("precedence")
# Looked up once: some users have ten thousand entries.
_GRANTED: Final = RewardStatus.GRANTED.value
_HELD: Final = RewardStatus.HELD.value
_REJECTED: Final = RewardStatus.REJECTED.value
_FULFILLED: Final = RewardStatus.FULFILLED.value
_COUNTED: Final = frozenset({_GRANTED, _REJECTED, RewardStatus.REVERSED.value})
_OPEN: Final = frozenset({_HELD, _REJECTED})
_ENDED: Final = frozenset({_REJECTED, RewardStatus.REVERSED.value})
_REOPENED: Final = frozenset({Reason.REINSTATED, Reason.DISPUTED})
_SUPERSEDED: Final = frozenset({_HELD, _GRANTED, RewardStatus.FAILED.value})
_REFERRER: Final = Role.REFERRER.value


@dataclass(slots=True)
class Sum:
    """Totals of one currency and kind.

    balance contains adjustments by hand. pending is of rewards that are held now, without
    adjustments that wait for approval; to_collect is what was delivered and taken back, before or
    after that.
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
    known = {row.event_id: row for row in rows}
    if len(known) < len(rows):
        known = {row.event_id: row for row in sorted(rows, key=_PRECEDENCE)}
    every = known.values()
    reinstated = {
        row.reward_id for row in every if row.reasons and not _REOPENED.isdisjoint(row.reasons)
    }
    if not reinstated:
        return sorted(every, key=_order)
    latest: dict[str, tuple[int, str]] = {}
    for entry in every:
        if entry.reward_id in reinstated and entry.status in _SUPERSEDED:
            place = entry.position, entry.event_id
            latest[entry.reward_id] = max(place, latest.get(entry.reward_id, place))

    def order(entry: EntryRow) -> tuple[int, int, bool, str]:
        """Of a reinstated reward, what ends its latest grant is last; other ends are first."""
        grant = latest.get(entry.reward_id)
        if grant is None or entry.status not in _ENDED or entry.supersedes == grant[1]:
            return _order(entry)
        return -1, entry.position, False, entry.event_id

    return sorted(every, key=order)


def _order(entry: EntryRow) -> tuple[int, int, bool, str]:
    """As in the view `reward_balances`: what ends a reward is last, wherever its cause is."""
    status = entry.status
    return status in _ENDED, entry.position, status == _FULFILLED, entry.event_id


def earnings(entries: Sequence[EntryRow]) -> Earnings:
    """All of a user's entries as sums, the last one about each reward last."""
    found = Earnings()
    sums, granted = found.sums, set[str]()
    last: dict[str, EntryRow] = {}
    latest: EntryRow | None = None
    for entry in entries:
        total = sums[entry.currency, entry.kind]
        if entry.effect_micros:
            total.balance += entry.effect_micros
        if entry.clawback_micros:
            total.to_collect += entry.clawback_micros
        if not (entry.reasons and is_part(entry)):
            last[entry.reward_id] = entry
        if entry.kind == "shipment":
            _ship(found, entry)
        status = entry.status
        if status not in _COUNTED:
            continue
        if entry.role == _REFERRER and not is_adjustment(entry.action):
            _count(found, entry, granted)
        if status == _GRANTED:
            granted.add(entry.reward_id)
            if latest is None or entry.ms >= latest.ms:
                latest = entry
    found.last = latest
    _count_open(found, last.values())
    return found


def _count_open(found: Earnings, last: Iterable[EntryRow]) -> None:
    """Count the rewards that are held or rejected now, by the last entry of each."""
    for entry in last:
        if entry.status not in _OPEN or is_adjustment(entry.action):
            continue
        if entry.status == _HELD:
            _hold(found, entry)
        elif entry.role == _REFERRER:
            found.codes[entry.code].rejected += 1


def _count(found: Earnings, entry: EntryRow, granted: set[str]) -> None:
    if entry.status == _GRANTED:
        counters = found.codes[entry.code]
        counters.granted += entry.reward_id not in granted
        counters.users.add(entry.user_id)
        found.grants[entry.campaign_id or ""] += not (entry.reasons and is_again(entry))
    elif entry.status == _REJECTED:
        if Reason.DISPUTE_ENDED in entry.reasons:  # it was granted before the dispute
            found.grants[entry.campaign_id or ""] -= 1
    else:
        is_kept = is_part(entry) or Reason.DISPUTED in entry.reasons
        found.grants[entry.campaign_id or ""] -= not is_kept


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

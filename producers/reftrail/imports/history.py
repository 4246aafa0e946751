"""History of imports: what was written for commissions before, and what the rules made of it."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from reftrail.contracts.adjustments import Adjusted, is_adjustment
from reftrail.contracts.codec import Undecodable, decode, stop_if_newer
from reftrail.contracts.decisions import DeadLettered, RewardDecided, RewardStatus, Role
from reftrail.imports.commission import Programme

_STAGES: Final = frozenset({"adjustments", "reward"})
"""The stages that decide on adjustments; another's dead letters say nothing about the ledger."""


class Outcome(StrEnum):
    """What became of an adjustment."""

    BOOKED = "booked"
    UNDECIDED = "undecided"
    REJECTED = "rejected"


class Written(NamedTuple):
    """An adjustment, who got it or would get it, and its status in the ledger, if it has one."""

    adjusted: Adjusted
    beneficiary: str | None
    status: str | None

    @property
    def outcome(self) -> Outcome:
        """Whether it counts; one whose delivery failed doesn't, but may be tried again."""
        if self.status in (RewardStatus.ADJUSTED, RewardStatus.FULFILLED):
            return Outcome.BOOKED
        return Outcome.REJECTED if self.status == RewardStatus.REJECTED else Outcome.UNDECIDED


class History:
    """All that was written for a programme's commissions, but for what the rules refused.

    adjusted are all adjustments, ledger all entries, letters all dead letters, each in the log's
    order.
    """

    def __init__(
        self,
        programme: Programme,
        adjusted: Iterable[Adjusted],
        ledger: Iterable[RewardDecided],
        letters: Iterable[DeadLettered],
    ) -> None:
        entries = {entry.action_event_id: entry for entry in ledger if is_adjustment(entry.action)}
        refused = _refused(letters)
        self._written: defaultdict[str, dict[str, Written]] = defaultdict(dict)
        self._ids: set[str] = set()
        self._programme = programme
        for adjustment in adjusted:
            name, _, rest = adjustment.adjustment_id.partition(":")
            if name != programme or not rest:
                continue
            self._ids.add(adjustment.adjustment_id)
            entry = entries.get(adjustment.event_id)
            if adjustment.role != Role.REFERRER or (
                entry is None and adjustment.event_id in refused
            ):
                continue
            self._written[rest.partition(":")[0]].setdefault(
                adjustment.event_id,
                Written(
                    adjustment,
                    None if entry is None else entry.beneficiary,
                    None if entry is None else entry.status,
                ),
            )

    def of(self, commission_id: str) -> list[Written]:
        """What was written for a commission and not refused, the earliest first.

        The log has an order only within a code and user.
        """
        written = self._written.get(commission_id, {}).values()
        return sorted(written, key=lambda found: found.adjusted.event_time)

    def free_id(self, commission_id: str) -> str:
        """An id of an adjustment that none has; it is taken by this.

        The first of a commission has its id alone, the ones after it a number.
        """
        found, number = f"{self._programme}:{commission_id}", 0
        while found in self._ids:
            number += 1
            found = f"{self._programme}:{commission_id}:{number}"
        self._ids.add(found)
        return found


def _refused(letters: Iterable[DeadLettered]) -> set[str]:
    """The event ids of adjustments that the rules couldn't carry out."""
    found: set[str] = set()
    for letter in letters:
        if letter.stage not in _STAGES or letter.payload is None:
            continue
        try:
            record = decode(letter.payload)
        except Undecodable as error:
            stop_if_newer(error)
            continue
        if isinstance(record, Adjusted):
            found.add(record.event_id)
    return found

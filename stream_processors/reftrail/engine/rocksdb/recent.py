"""States that were used last, in memory: most visitors come several times within a short while."""

from typing import Final
from weakref import WeakSet

_OVERHEAD: Final = 200
"""Bytes of an entry beside the state: the key, and what Python takes for both."""


class RecentBudget:
    """A bound on the bytes of all recent states of a worker."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes // 2  # half for the states since the last ageing
        self._used = 0
        self._members: WeakSet[RecentStates] = WeakSet()

    def join(self, member: "RecentStates") -> None:
        """Have a stage's states in the bound."""
        self._members.add(member)

    def spend(self, packed: bytes | None) -> None:
        """Count a state that was added. Where there are too many, all stages' states age."""
        self._used += _OVERHEAD + len(packed or b"")
        if self._used > self._most:
            self._used = 0
            for member in self._members:
                member.age()


class RecentStates:
    """The recent states of one stage and partition, None for a key without any.

    young has those that were used since the last ageing, old those used between the last two; older
    ones are forgotten.
    """

    def __init__(self, budget: RecentBudget) -> None:
        self.young: dict[str, bytes | None] = {}
        self.old: dict[str, bytes | None] = {}
        self._budget = budget
        budget.join(self)

    def put(self, key: str, packed: bytes | None) -> None:
        """Note the state of a key."""
        self.young[key] = packed
        self._budget.spend(packed)

    def age(self) -> None:
        """Forget the old ones; the young ones are old now."""
        self.old, self.young = self.young, {}

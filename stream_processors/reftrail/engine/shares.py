"""Sharing partitions out among a group's members, at best to those that have their state already.

A member that is new, or gets more than it had, first warms its partitions up: it reads their state
while their owner goes on, joins again when it has nearly all of it, and is given them then. A
partition without any warm member, as after a kill, goes to one that has an older copy of its state
on disk; else to one that is ready to decide, because it has read the codes, and restores the state
only; if there is none either, to a new one.

Beside its owner, a partition has standbys: members that keep reading its state, so that one of them
can go on at once when the owner dies.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

_Members: TypeAlias = Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Member:
    """The data of a member of the group about itself.

    warm has the partitions whose state it has, owned those that it owned until now, stored those of
    which it has an older copy on disk. is_ready says whether it has read the codes.
    """

    warm: frozenset[int] = frozenset()
    owned: frozenset[int] = frozenset()
    is_ready: bool = False
    stored: frozenset[int] = frozenset()


@dataclass(slots=True)
class Shares:
    """By member: partitions that it owns, that it warms up and then joins again, that it follows.

    A partition to follow, as a standby, needs no joining again.
    """

    owned: dict[str, list[int]] = field(default_factory=dict)
    warm_up: dict[str, list[int]] = field(default_factory=dict)
    standby: dict[str, list[int]] = field(default_factory=dict)


def share_out(
    members: Mapping[str, Member], partitions: Iterable[int], standbys: int = 0
) -> Shares:
    """Share partitions out evenly, with as many standbys for each as there are other members."""
    members = dict(sorted(members.items()))
    partitions = sorted(partitions)
    warm = {name: member.warm for name, member in members.items()}
    shares = Shares(_none_of(members), _none_of(members), _none_of(members))
    targets = _targets(members, partitions)
    copies = _standbys(warm, targets, standbys)
    for partition, target in sorted(targets.items()):
        owner = _owner(members, partition, target, shares.owned)
        shares.owned[owner].append(partition)
        takers = ({target} | copies[partition]) - {owner}
        spare = _spare(warm, partition, {*takers, owner}, standbys)
        waited_for = takers if spare else {target} - {owner}
        for name in sorted(takers | spare):
            must_read = name in waited_for and partition not in warm[name]
            (shares.warm_up if must_read else shares.standby)[name].append(partition)
    return shares


def _none_of(members: Iterable[str]) -> dict[str, list[int]]:
    return {name: [] for name in members}


def _owner(
    members: Mapping[str, Member], partition: int, target: str, owned: Mapping[str, list[int]]
) -> str:
    """The member that owns a partition until its target is warm."""
    holders = [name for name, member in members.items() if partition in member.warm]
    stored = [name for name, member in members.items() if partition in member.stored]
    ready = [name for name, member in members.items() if member.is_ready]
    keepers = holders or stored or ready or [target]
    if target in keepers:
        return target
    had = [name for name in keepers if partition in members[name].owned]
    return min(had or keepers, key=lambda name: len(owned[name]))


def _spare(warm: _Members, partition: int, taken: set[str], standbys: int) -> set[str]:
    """Members that stay standbys of a partition until others have read its state."""
    missing = standbys + 1 - sum(partition in warm[name] for name in taken)
    others = [name for name in warm if name not in taken and partition in warm[name]]
    return set(others[: max(0, missing)])


def _targets(members: Mapping[str, Member], partitions: list[int]) -> dict[int, str]:
    """The member that is to own each partition in the end: equally many each.

    It is the present owner where that one has room, or a member that is warm, or has an old copy.
    """
    least, more = divmod(len(partitions), len(members))
    by_load = sorted(
        members, key=lambda name: (-len(members[name].owned), -len(members[name].warm), name)
    )
    capacity = {name: least + (place < more) for place, name in enumerate(by_load)}
    warm = {n: [name for name in members if n in members[name].warm] for n in partitions}
    owners = {n: [name for name in warm[n] if n in members[name].owned] for n in partitions}
    stored = {n: [name for name in members if n in members[name].stored] for n in partitions}
    fewest_first = sorted(partitions, key=lambda n: (len(warm[n]) or len(members), n))
    matching = _Matching(capacity)
    for candidates in (owners, warm, stored, {n: list(members) for n in partitions}):
        for partition in fewest_first:
            if partition not in matching.found:
                matching.place(partition, candidates)
    return matching.found


class _Matching:
    """A member for each of as many partitions as possible, none with more than it has room for."""

    def __init__(self, capacity: dict[str, int]) -> None:
        self.found: dict[int, str] = {}
        self._capacity = capacity

    def place(self, partition: int, candidates: Mapping[int, list[str]]) -> bool:
        """Find a member for a partition, if need be by moving others among their candidates."""
        return self._place(partition, candidates, set())

    def _place(self, partition: int, candidates: Mapping[int, list[str]], tried: set[str]) -> bool:
        names = [name for name in candidates[partition] if name not in tried]
        free = [name for name in names if self._capacity[name]]
        if free:
            self._give(partition, max(free, key=lambda name: (self._capacity[name], name)))
            return True
        for name in names:
            tried.add(name)
            for other in [n for n, holder in self.found.items() if holder == name]:
                if self._place(other, candidates, tried):
                    self._give(partition, name)
                    return True
        return False

    def _give(self, partition: int, name: str) -> None:
        if partition in self.found:
            self._capacity[self.found[partition]] += 1
        self.found[partition] = name
        self._capacity[name] -= 1


def _standbys(warm: _Members, owners: Mapping[int, str], most: int) -> dict[int, set[str]]:
    """The standbys of each partition: evenly spread, and who has its state already if possible."""
    most = min(most, len(warm) - 1)
    copies = {
        n: {name for name, held in warm.items() if n in held and name != owner} if most else set()
        for n, owner in owners.items()
    }
    load = dict.fromkeys(warm, 0)
    for partition, owner in owners.items():
        for name in (owner, *copies[partition]):
            load[name] += 1
    for partition, owner in owners.items():
        while len(copies[partition]) > most:
            _move(partition, copies, load, max(copies[partition], key=lambda m: (load[m], m)), None)
        backed = Counter(m for n, names in copies.items() if owners[n] == owner for m in names)
        while len(copies[partition]) < most:
            free = [name for name in warm if name != owner and name not in copies[partition]]
            # Not all of an owner's partitions go to the same member when it dies.
            least = min(free, key=lambda m: (load[m], backed[m], m))
            _move(partition, copies, load, None, least)
    while step := _evening(copies, owners, load):
        _move(step[0], copies, load, step[1], step[2])
    return copies


def _evening(
    copies: Mapping[int, Collection[str]], owners: Mapping[int, str], load: Mapping[str, int]
) -> tuple[int, str, str] | None:
    """A partition whose standby has at least two copies more than a member that could be it."""
    by_load = sorted(load, key=lambda name: (load[name], name))
    for most in reversed(by_load):
        for least in by_load:
            if load[most] - load[least] < 2:
                break
            for partition, names in copies.items():
                if most in names and least not in names and owners[partition] != least:
                    return partition, most, least
    return None


def _move(
    partition: int,
    copies: Mapping[int, set[str]],
    load: dict[str, int],
    giver: str | None,
    taker: str | None,
) -> None:
    """Let a standby's copy go from one member to another, or appear or end."""
    if giver is not None:
        copies[partition].discard(giver)
        load[giver] -= 1
    if taker is not None:
        copies[partition].add(taker)
        load[taker] += 1

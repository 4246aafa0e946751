"""Person that a user is by now: the account that they were merged into, and all others of it.

The same as the view `v_people` says of all users, for one of them. ClickHouse takes 15 to 45 ms to
plan that view, since it follows merges by recursion; few users were ever merged, and the merges of
one are looked up in the query that looks up the rest.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from reftrail.reports.user_view.rows import MergeRow

LookUpMerges = Callable[[Sequence[str]], Sequence[MergeRow]]
"""Gives the merges of some users, and of those who were merged into them."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account, and the users who were merged into it, in order."""

    user_id: str
    merged: tuple[str, ...] = ()

    @property
    def users(self) -> list[str]:
        """All user ids of the person, unless nobody is known under them."""
        return list(filter(None, (self.user_id, *self.merged)))


def person_of(user: str, merges: Sequence[MergeRow], look_up: LookUpMerges) -> Person:
    """The person of a user; merges are those found for this user, look_up finds those of others."""
    found, asked = list(merges), {user}
    while True:
        accounts = _accounts(found)
        members = _members(user, accounts)
        if not (coming := members - asked):
            break
        found += look_up(sorted(coming))
        asked |= coming
    person = _end(user, accounts)
    return Person(person, tuple(sorted(members - {person})))


def _accounts(merges: Collection[MergeRow]) -> Mapping[str, str]:
    """The account that each user was merged into: by the first merge in the log."""
    last_first = sorted(merges, key=lambda merge: (merge.position, merge.event_id), reverse=True)
    return {merge.user_id: merge.merged_into for merge in last_first}


def _members(user: str, accounts: Mapping[str, str]) -> set[str]:
    """All who are known to be one person with a user, by any number of merges."""
    members: set[str] = set()
    coming = {user}
    while coming:
        members |= coming
        coming = {accounts[member] for member in coming if member in accounts} | {
            guest for guest, account in accounts.items() if account in coming
        }
        coming -= members
    return members


def _end(user: str, accounts: Mapping[str, str]) -> str:
    """Follow the merges of a user to the last account; in a circle to the lowest id."""
    trail = [user]
    while (account := accounts.get(trail[-1])) is not None:
        if account in trail:
            return min(trail[trail.index(account) :])
        trail.append(account)
    return trail[-1]

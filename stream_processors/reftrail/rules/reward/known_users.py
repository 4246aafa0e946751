"""Other users who are known to be the user of a referral, by merges: the account and its guests.

The first ones are in the referral's cell, all others in cells of their own, so that no cell grows
with their number and none is forgotten. These cells are a linked list, which begins in the cell of
nobody: one user is found by key, and all of them one after the other.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from reftrail.rules.cells import Cells
from reftrail.rules.reward.state import KnownUser, ReferralCell

MOST_IN_CELL: Final = 200
"""The most users in the referral's own cell, written anew for each: with long names 25 KiB."""

_NOBODY: Final = ""


def users_of(cells: Cells, key: str) -> Iterator[str]:
    """The users who are known to be the user of the referral with a key."""
    in_cell = cells.get(key, ReferralCell).users
    if MOST_IN_CELL and not in_cell:  # as of nearly every referral: the first ones are in its cell
        return
    yield from in_cell
    user_id = _cell(cells, key, _NOBODY).previous
    while user_id:
        yield user_id
        user_id = _cell(cells, key, user_id).previous


def is_user_of(cells: Cells, key: str, user_id: str) -> bool:
    """Whether somebody is known to be the user of the referral with a key."""
    in_cell = cells.get(key, ReferralCell).users
    return user_id in in_cell or _cell(cells, key, user_id).is_known


def add_users(cells: Cells, key: str, users: Sequence[str]) -> None:
    """Add users who weren't known before to the referral with a key."""
    referral = cells.get(key, ReferralCell)
    capacity = max(0, MOST_IN_CELL - len(referral.users))
    if capacity:
        known = (*referral.users, *users[:capacity])
        cells.put(key, msgspec.structs.replace(referral, users=known))
    for user_id in users[capacity:]:
        latest = _cell(cells, key, _NOBODY).previous
        cells.put(_key(key, user_id), KnownUser(is_known=True, previous=latest))
        cells.put(_key(key, _NOBODY), KnownUser(previous=user_id))


def _cell(cells: Cells, key: str, user_id: str) -> KnownUser:
    return cells.get(_key(key, user_id), KnownUser)


def _key(key: str, user_id: str) -> str:
    return f"{key}:k:{user_id}"

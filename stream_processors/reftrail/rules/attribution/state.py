"""State of the attribution stage, in cells under a user.

user      the decisions, the signup, the first purchase
user:...  a touch on another device, a purchase or refund that waits, or refunds that waited in
          vain (`waiting.py`)
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from reftrail.contracts.conversions import Converted
from reftrail.contracts.record import Millis
from reftrail.rules.attribution.claims import Decision
from reftrail.rules.attribution.user_action import UserAction
from reftrail.rules.attribution.waiting import (
    NEVER,
    EndedReferral,
    ForgottenRefunds,
    KeptAction,
    Referral,
    WaitingAction,
    WaitingTouch,
    ended_group,
    kept_group,
    parts_of_timed_key,
    referral_of,
)
from reftrail.rules.cells import Cells, escaped


class AttributionState(msgspec.Struct, frozen=True, array_like=True):
    """The state of a user.

    first_purchase_at is the time of the user's first purchase. signup is set while the user has
    signed up and isn't attributed. decisions has one entry for each campaign that refers users once
    in the campaign, otherwise one. late_touch_time is the time of the earliest touch that was
    recorded without effect. merged_into is the account that the user is merged into. With
    has_guests others were merged into this user, and the earliest signup of all decides. The
    referrals that merging has ended have cells of their own (`ended_of`); voided are those of state
    from before that, and of a history on its way to another user. shared are the fingerprints of
    browsers that the user is known to share with others, as `browsers.py` chooses them. visitor is
    that of the browser in which the user was last said to have bought something, visitor_day the
    UTC day of that.
    """

    first_purchase_at: Millis = NEVER
    decisions: tuple[Decision, ...] = ()
    signup: UserAction | None = None
    late_touch_time: Millis | None = None
    merged_into: str | None = None
    voided: tuple[Referral, ...] = ()
    has_guests: bool = False
    shared: tuple[int, ...] = ()
    visitor: int = 0
    visitor_day: int = 0

    def by_signup(self, event_id: str) -> Decision | None:
        """The decision that a signup led to."""
        return next((known for known in self.decisions if known.signup_event_id == event_id), None)


def kind_of(
    key: str,
) -> type[
    AttributionState | WaitingAction | KeptAction | WaitingTouch | ForgottenRefunds | EndedReferral
]:
    """The type of the cell under a key."""
    if ":" not in key:
        return AttributionState
    return _BY_LETTER.get(key.split(":", 2)[1], WaitingAction)


_BY_LETTER: Final[
    Mapping[str, type[WaitingTouch | KeptAction | ForgottenRefunds | EndedReferral]]
] = {
    "e": EndedReferral,
    "r": ForgottenRefunds,
    "t": WaitingTouch,
    "d": KeptAction,
}


def user_key(user_id: str) -> str:
    """The key of a user's cell."""
    return escaped(user_id)


def state_of(cells: Cells, user_id: str) -> AttributionState:
    """The state of a user."""
    return cells.get(user_key(user_id), AttributionState)


def waiting_of(cells: Cells, key: str) -> Iterator[tuple[str, WaitingAction]]:
    """The cells of what waits for a user with a key, by event_id."""
    for name in cells.under(key):
        if kind_of(name) is WaitingAction and not (cell := cells.get(name, WaitingAction)).is_empty:
            yield parts_of_timed_key(name)[1].removeprefix("w:"), cell


def kept_of(cells: Cells, key: str) -> Iterator[tuple[str, KeptAction]]:
    """The purchases and refunds that are kept for a user with a key, by event_id."""
    for name in cells.under(kept_group(key)):
        if kind_of(name) is KeptAction and not (cell := cells.get(name, KeptAction)).is_empty:
            yield parts_of_timed_key(name)[1].removeprefix("d:"), cell


def ended_of(cells: Cells, key: str, user_id: str | None = None) -> tuple[Referral, ...]:
    """The referrals of a user with a key, and of those merged into them, that merging has ended.

    Those without a code are of users who have signed up. With user_id, those of this user alone.
    """
    state = cells.get(key, AttributionState)
    older = (referral for referral in state.voided if user_id in (None, referral[0]))
    if not state.has_guests:
        return tuple(older)
    names = cells.under(ended_group(key))
    if user_id is not None:
        begin = f"{ended_group(key)}:e:{escaped(user_id)}:"
        names = [name for name in names if name.startswith(begin)]
    found = (referral_of(name) for name in names if cells.get(name, EndedReferral).is_ended)
    return tuple(dict.fromkeys((*older, *found)))


def signed_up_alone(state: AttributionState, user_id: str) -> tuple[Referral, ...]:
    """The mark that a user whom nobody was merged into has signed up, where nobody brought them."""
    is_marked = state.signup is None or state.has_guests
    return () if is_marked else ((user_id, ""),)


def touches_of(cells: Cells, key: str) -> list[Converted]:
    """The touches on other devices that wait for the signup of a user with a key."""
    names = cells.under(key)
    if not names:  # as of nearly every user
        return []
    timed = (name for name in names if kind_of(name) is WaitingTouch)
    kept = (cells.get(name, WaitingTouch).record for name in timed)
    return [record for record in kept if record is not None]

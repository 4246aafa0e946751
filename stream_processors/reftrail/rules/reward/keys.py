"""Keys of the reward stage's cells.

    code                        the code
    code:user                   the referral
    code:user:a:action          a reward of the referral, with the order that it is for
    code:user:f:refund:order    a refund of an order, by its id or else its event
    code:user:g:dispute:order   a dispute about an order, by its id or else its event
    code:user:w:claim           a claim or milestone that waits
    code:user:c:command         a review or report that was carried out
    code:user:m:adjustment      an adjustment by hand
    code:user:s:action          the position of a skipped order among the others
    code:user:k:user            another user who is known to be the user; without one, the latest
    code:user:l:limit           how many rewards of the user rest on a reservation under a limit
    code::d:day                 how many users count under a code on a UTC day

Code and user are escaped, so that neither looks like another key, whatever somebody typed in.
"""

from functools import lru_cache
from typing import Final, TypeAlias

from reftrail.rules.cells import escaped, unescaped
from reftrail.rules.reward.dispute_reports import DisputeCell
from reftrail.rules.reward.order import RefundCell
from reftrail.rules.reward.queue import WaitingCell
from reftrail.rules.reward.state import (
    ActionCell,
    AdjustmentCell,
    CodeCell,
    Command,
    CountCell,
    KnownUser,
    ReferralCell,
    SkippedCell,
)

Cell: TypeAlias = (
    CodeCell
    | ReferralCell
    | ActionCell
    | AdjustmentCell
    | RefundCell
    | DisputeCell
    | SkippedCell
    | WaitingCell
    | Command
    | CountCell
    | KnownUser
)

_BY_LETTER: Final[dict[str, type[Cell]]] = {
    "a": ActionCell,
    "m": AdjustmentCell,
    "f": RefundCell,
    "g": DisputeCell,
    "s": SkippedCell,
    "w": WaitingCell,
    "c": Command,
    "k": KnownUser,
    "l": CountCell,
    "d": CountCell,
}


def kind_of(key: str) -> type[Cell]:
    """The type of the cell under a key."""
    parts = key.split(":", 3)
    if len(parts) == 1:
        return CodeCell
    if len(parts) == 2:
        return ReferralCell
    return _BY_LETTER[parts[2]]


@lru_cache(maxsize=65_536)
def code_key(code: str) -> str:
    """The key of a code's cell."""
    return escaped(code)


@lru_cache(maxsize=1_024)  # a decision asks for it with each of its events
def referral_key(code: str, user_id: str) -> str:
    """The key of a referral's cell."""
    return f"{code_key(code)}:{escaped(user_id)}"


def action_key(code: str, user_id: str, action: str) -> str:
    """The key of a reward's cell, or of an order's."""
    return f"{referral_key(code, user_id)}:a:{action}"


def day_key(code: str, day: int) -> str:
    """The key of the number of users under a code on a day."""
    return f"{code_key(code)}::d:{day}"


def has_timer(key: str) -> bool:
    """Whether a key may have a timer: that of a reward, or of a code's users on a day."""
    parts = key.split(":", 3)
    return len(parts) == 4 and parts[2] in "ad"


def parts_of_timed_key(key: str) -> tuple[str, str, str]:
    """Code, user and action of a reward's key; code, no user, and the day of a day's."""
    code, user_id, _, action = key.split(":", 3)
    return unescaped(code), unescaped(user_id), action

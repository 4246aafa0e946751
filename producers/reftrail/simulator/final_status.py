"""Last statuses of rewards, as expected of the pipeline and as observed."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from reftrail.contracts.record import Micros

GRANTED: Final = "granted"
REVERSED: Final = "reversed"
REJECTED: Final = "rejected"
USED_UP: Final = "code_used_up"


class RewardKey(NamedTuple):
    """Key of at most one ledger entry in force. action is signup, or names the order."""

    code: str
    user_id: str
    role: str
    action: str = "signup"


class FinalStatus(NamedTuple):
    """Last status of a reward, with the reasons if it was rejected.

    Whether the code was also used up then is left out: that depends on who came first.
    """

    status: str
    reasons: tuple[str, ...] = ()


class Amount(NamedTuple):
    """Expected worth of a reward, by what chance or arrival decides: the arm, or the rate."""

    currency: str
    by_variant: Mapping[str | None, Micros]


class Entry(NamedTuple):
    """A ledger entry as it is compared. effect is what it adds to the beneficiary's balance.

    variant is the arm of an experiment, or the rate of a share in percent.
    """

    key: RewardKey
    status: FinalStatus
    effect: Micros = 0
    currency: str = ""
    variant: str | None = None

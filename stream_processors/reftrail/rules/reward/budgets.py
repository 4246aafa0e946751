"""The part of budgets that a reward has reserved: what it still costs, or has cost."""

from typing import Final

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.record import Micros
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.rules.reward.case import SideReward
from reftrail.rules.reward.transitions import ENDED

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_DISPUTED: Final = Reason.DISPUTED
_HELD: Final = RewardStatus.HELD
_KEPT: Final = frozenset({RewardStatus.FULFILLED, RewardStatus.REVERSED})


def reserved_after(before: SideReward, after: SideReward, entry: RewardDecided) -> Micros:
    """The reserved amount of a side after an entry of the ledger.

    What was delivered stays reserved: it is spent, also where it is to be collected. So does a
    failed reward, which may be tried again. A rejection, an expiry and a reversal release all, a
    reversal of a part that part. A reinstatement of what was reversed has reserved its part before
    its entry (`reward.reinstatement`).
    """
    delivered_anyway = entry.clawback_micros or 0
    is_suspended = _DISPUTED in entry.reasons and entry.status != _HELD
    is_late = before.status == entry.status and entry.status in ENDED
    is_kept = is_suspended or before.status in _KEPT
    if is_kept or is_late:
        return before.reserved + (delivered_anyway if is_late else 0)
    match RewardStatus(entry.status):
        case RewardStatus.HELD | RewardStatus.GRANTED:
            return max(before.reserved if before.is_collected else 0, after.remaining)
        case RewardStatus.REJECTED | RewardStatus.EXPIRED:
            return 0
        case RewardStatus.REVERSED:
            return after.remaining if is_part(entry) else delivered_anyway
        case RewardStatus.FULFILLED:
            return max(before.reserved, after.remaining + delivered_anyway)
        case RewardStatus.FAILED | RewardStatus.ADJUSTED:
            return before.reserved

"""Waits until nothing is left to happen: to rewards, to orders, in the stages, in the warehouse."""

import time
from collections.abc import Iterable
from typing import Final

from support.fulfilment import lag_of
from support.log import read_committed

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.topics import REWARDS
from reftrail.local.drain import wait_until_drained
from reftrail.local.stack import Stack

_STILL_FOR: Final = 60.0
_DRAINED_WITHIN: Final = 180.0


def wait_until_at_rest(stack: Stack) -> None:
    """Ticks end what is held, fulfilment gives what is granted; then all is decided and stored.

    Should rewards not come to rest, although nothing has moved for a minute, the books tell.
    """
    stack.wait_until_ready()
    ready, installation = stack.ready, stack.installation
    left, since = None, time.monotonic()
    with lag_of(installation, f"{ready.group}-fulfilment") as lag:
        while True:
            ledger = [logged.record for logged in read_committed(installation, REWARDS)]
            before, left = left, (len(ledger), unsettled(ledger), lag())
            if not any(left[1:]):
                break
            if left != before:
                since = time.monotonic()
            elif time.monotonic() - since > _STILL_FOR:
                break
            time.sleep(0.5)
    url = f"{ready.reports_url}/v1/positions"
    wait_until_drained(installation, ready.group, url, ready.secret_key, _DRAINED_WITHIN)


def unsettled(ledger: Iterable[RewardDecided]) -> dict[str, str]:
    """The rewards that are held or granted, about which more is to come, and how they stand.

    Entries are in the order of the log. What takes a part back leaves a reward as it is.
    """
    stand = {one.reward_id: one.status for one in ledger if not is_part(one)}
    moving = (RewardStatus.HELD, RewardStatus.GRANTED)
    return {reward_id: status for reward_id, status in stand.items() if status in moving}

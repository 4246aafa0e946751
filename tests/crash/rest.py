"""Waits until nothing is left to happen: to rewards, to orders, in the stages, in the warehouse.

The reviewer must have read all of the ledger, too.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from support.fulfilment import lag_of
from support.log import read_committed

from crash import reviewer
from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.contracts.topics import REWARDS
from reftrail.local.drain import wait_until_drained
from reftrail.local.stack import Stack

_STILL_FOR: Final = 60.0
_DRAINED_WITHIN: Final = 180.0

_Moving = tuple[int, dict[str, str], int, int]
"""Entries of the ledger, unsettled rewards, orders not given, entries the reviewer hasn't read."""


def wait_until_at_rest(stack: Stack, directory: Path) -> None:
    """Ticks end what is held, fulfilment gives what is granted; then all is decided and stored.

    directory is where the reviewer says how far it has come. Once the stages have nothing left to
    read, it is looked again: what they still had to read may have granted another reward. Should
    rewards not come to rest, although nothing has moved for a minute, the checks report it.
    """
    stack.wait_until_ready()
    ready, installation = stack.ready, stack.installation
    url = f"{ready.reports_url}/v1/positions"
    with lag_of(installation, f"{ready.group}-fulfilment") as lag:

        def moving() -> _Moving:
            ledger = [logged.record for logged in read_committed(installation, REWARDS)]
            unread = reviewer.unread(directory, len(ledger))
            return len(ledger), unsettled(ledger), lag(), unread

        while True:
            found = _until_still(moving)
            wait_until_drained(installation, ready.group, url, ready.secret_key, _DRAINED_WITHIN)
            if moving() == found:
                return


def _until_still(moving: Callable[[], _Moving]) -> _Moving:
    """What is found once nothing moves any more, or nothing has for a minute."""
    found, since = moving(), time.monotonic()
    while any(found[1:]) and time.monotonic() - since < _STILL_FOR:
        time.sleep(0.5)
        before, found = found, moving()
        if found != before:
            since = time.monotonic()
    return found


def unsettled(ledger: Iterable[RewardDecided]) -> dict[str, str]:
    """The rewards that are held or granted, about which more is to come, and their statuses.

    Entries are in the order of the log. What takes a part back leaves a reward as it is. Disputes
    that nobody ends hold rewards for ever, and so do adjustments on which nobody decides. A credit
    by hand is delivered like a reward.
    """
    latest = {entry.reward_id: entry for entry in ledger if not is_part(entry)}
    return {reward_id: entry.status for reward_id, entry in latest.items() if _is_moving(entry)}


def _is_moving(entry: RewardDecided) -> bool:
    """Whether more is to come of a reward or adjustment whose last entry this is."""
    if is_adjustment(entry.action):
        return entry.status == RewardStatus.ADJUSTED and entry.value_micros > 0
    moving = (RewardStatus.HELD, RewardStatus.GRANTED)
    return entry.status in moving and Reason.DISPUTED not in entry.reasons

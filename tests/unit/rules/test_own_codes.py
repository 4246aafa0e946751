"""Guests by whom owners of codes refer themselves, in every order of arrival."""

from itertools import permutations

import msgspec
import pytest

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.record import Record
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code, purchase, signup, users_merged

SIGNS_UP = signup("10:00", visitor_id=None, user_id="guest", typed="AMY")
BUYS = purchase("o1", "10:10", user_id="guest")
OWNER_BUYS = purchase("o2", "10:20", user_id="amy")
MERGED = users_merged("guest", "amy", "10:30")
CHAIN = [users_merged("guest", "between", "10:30"), users_merged("between", "amy", "10:40")]


def balances(records: tuple[Record, ...], trigger: Trigger) -> dict[str, int]:
    host = MemoryHost(wire=False)
    host.publish(CAMPAIGNS, campaign(trigger=trigger))
    host.publish(CODES, code("AMY", owner="amy"))
    for nth, record in enumerate(records):
        at = record.event_time + 3_600_000 + nth
        host.publish(EVENTS, msgspec.structs.replace(record, received_at=at))
        host.run()
    sums: dict[str, int] = {}
    for entry in host.log(REWARDS):
        if isinstance(entry, RewardDecided):
            sums[entry.reward_id] = sums.get(entry.reward_id, 0) + effect(entry)
    return {reward_id: worth for reward_id, worth in sums.items() if worth}


@pytest.mark.parametrize("trigger", [Trigger.SIGNUP, Trigger.FIRST_PURCHASE, Trigger.NTH_PURCHASE])
@pytest.mark.parametrize("story", [[SIGNS_UP, BUYS, OWNER_BUYS, MERGED], [SIGNS_UP, BUYS, *CHAIN]])
def test_a_guest_of_the_owner_earns_nothing_whatever_comes_first(
    story: list[Record], trigger: Trigger
) -> None:
    found = {tuple(balances(order, trigger)) for order in permutations(story)}
    assert found == {()}


def test_before_the_merge_nobody_knows() -> None:
    assert balances((SIGNS_UP, BUYS), Trigger.FIRST_PURCHASE)

"""Merged users: one attribution is left, orders count once, whatever the order of arrival."""

from random import Random
from typing import Any

import pytest
from support.merged_users import (
    ACCOUNT,
    BUYS,
    CLICKS,
    GUEST,
    GUEST_BUYS,
    GUEST_CLICKS,
    GUEST_SIGNS_UP,
    MERGED,
    ON_PHONE,
    SIGNS_UP,
    attributed_codes,
    balances,
    has_touches_first,
    in_any_order,
    in_force,
    played,
)

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.topics import ATTRIBUTIONS, CLAIMS, DEAD_LETTERS, REWARDS
from reftrail.testing import click, purchase, refund, signup, users_merged


def test_a_guest_s_orders_count_for_the_account() -> None:
    events = (GUEST_BUYS, click("BOB", at="09:00"), SIGNS_UP, MERGED)
    for arriving in in_any_order(events):
        host = played(arriving)
        names = [event.event_id for event in arriving]
        assert balances(host) == {"bob": 10, "person": 10}, names
        assert attributed_codes(host) == {"BOB"}, names


@pytest.mark.parametrize("trigger", ["signup", "first_purchase"])
def test_the_earlier_signup_decides_and_both_earn_once(trigger: str) -> None:
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, BUYS, MERGED)
    order = Random(7)
    arrivals = [order.sample(events, len(events)) for _ in range(300)]
    for arriving in [list(events), *arrivals]:
        if not has_touches_first(arriving):
            continue
        host = played(arriving, trigger=trigger)
        names = [event.event_id for event in arriving]
        assert balances(host) == {"amy": 10, "person": 10}, names
        assert attributed_codes(host) == {"AMY"}, names


@pytest.mark.parametrize("trigger", ["signup", "first_purchase"])
def test_the_account_s_signup_decides_if_it_is_the_earlier_one(trigger: str) -> None:
    account_signs_up = signup("09:00", **ON_PHONE, **ACCOUNT)
    guest_signs_up = signup("10:00", **GUEST)
    events = (account_signs_up, GUEST_BUYS, guest_signs_up, BUYS, MERGED)
    for arriving in in_any_order(events):
        host = played((GUEST_CLICKS, CLICKS, *arriving), trigger=trigger)
        names = [event.event_id for event in arriving]
        assert balances(host) == {"amy": 10, "person": 10}, names
        assert attributed_codes(host) == {"AMY"}, names


@pytest.mark.parametrize("visitor", ["phone", "visitor"])
def test_one_attribution_is_left_under_the_same_code_too(visitor: str) -> None:
    account_signs_up = signup("10:00", visitor_id=visitor, **ACCOUNT)
    again = click("AMY", at="09:45")
    events = (GUEST_SIGNS_UP, GUEST_BUYS, account_signs_up, BUYS, MERGED)
    for arriving in in_any_order(events):
        host = played((GUEST_CLICKS, again, *arriving), policy={"repeats": 0})
        names = [event.event_id for event in arriving]
        assert balances(host) == {"amy": 20, "person": 20}, names
        assert len(in_force(host)) == 1, names


def test_the_guest_s_orders_earn_that_were_refused_for_the_account_s_address() -> None:
    shown = {"email_hash": "e"}
    guest_signs_up = signup("09:00", **ON_PHONE, **GUEST, **shown)
    account_signs_up = signup("10:00", **ACCOUNT, **shown)
    arriving = (GUEST_CLICKS, CLICKS, account_signs_up, BUYS, guest_signs_up, GUEST_BUYS, MERGED)
    host = played(arriving, policy={"repeats": 0})
    assert balances(host) == {"amy": 20, "person": 20}


def test_each_order_earns_once_where_all_do() -> None:
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, BUYS, MERGED)
    later = (purchase("o3", at="13:00", **GUEST), purchase("o4", at="14:00", **ACCOUNT))
    order = Random(3)
    for _ in range(200):
        arriving = order.sample((*events, *later), len(events) + len(later))
        if not has_touches_first(arriving):
            continue
        host = played(arriving, policy={"repeats": 0})
        names = [event.event_id for event in arriving]
        assert balances(host) == {"amy": 40, "person": 40}, names


def test_the_later_signup_s_code_may_be_the_same() -> None:
    again = click("AMY", at="09:45")
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, again, SIGNS_UP, BUYS)
    for arriving in ((*events, MERGED), (MERGED, *events), (*events[:3], MERGED, *events[3:])):
        host = played(arriving, policy={"repeats": 0})
        assert balances(host) == {"amy": 20, "person": 20}


def test_a_refund_under_the_guest_s_name_takes_the_reward_back() -> None:
    paid_back = refund("o1", at="13:00", **GUEST)
    events = (GUEST_BUYS, click("BOB", at="09:00"), SIGNS_UP, MERGED)
    for arriving in in_any_order(events):
        assert balances(played((*arriving, paid_back))) == {}
    for arriving in in_any_order((*events, paid_back)):
        assert balances(played(arriving)) == {}, [event.event_id for event in arriving]


def test_who_signed_up_without_a_referrer_before_is_nobody_s_referral() -> None:
    organic = signup("09:00", visitor_id="other", **GUEST)
    for arriving in in_any_order((organic, MERGED)):
        host = played((CLICKS, SIGNS_UP, BUYS, *arriving))
        assert balances(host) == {}
        assert attributed_codes(host) == set()


def test_a_merge_that_is_told_again_changes_nothing() -> None:
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, BUYS, MERGED)
    once = played(events).ledger()
    again = users_merged("guest", "account", at="15:00")
    assert played((*events, MERGED, again)).ledger() == once


def test_a_chain_of_merges_ends_in_the_last_account() -> None:
    into_third = users_merged("account", "third", at="12:30")
    bought = purchase("o5", at="16:00", **GUEST)
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, BUYS)
    for merges in in_any_order((MERGED, into_third, bought)):
        for cut in range(len(events) + 1):
            host = played((*events[:cut], *merges, *events[cut:]), policy={"repeats": 0})
            assert balances(host) == {"amy": 30, "person": 30}
            assert attributed_codes(host) == {"AMY"}


def test_a_circle_of_merges_is_one_person() -> None:
    back = users_merged("account", "guest", at="12:30")
    bought = purchase("o5", at="16:00", **GUEST)
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, BUYS)
    for merges in in_any_order((MERGED, back, bought)):
        for cut in range(len(events) + 1):
            host = played((*events[:cut], *merges, *events[cut:]), policy={"repeats": 0})
            assert balances(host) == {"amy": 30, "person": 30}


def test_a_guest_is_merged_into_one_account() -> None:
    other = users_merged("guest", "third", at="13:00")
    host = played((MERGED, other))
    letters = [letter for letter in host.log(DEAD_LETTERS) if isinstance(letter, DeadLettered)]
    assert [letter.reason for letter in letters] == ["merged_before"]


def test_a_user_is_not_merged_into_themselves() -> None:
    host = played((SIGNS_UP, users_merged("account", "account", at="13:00")))
    assert host.log(DEAD_LETTERS) == []


def test_the_same_address_of_both_is_no_violation() -> None:
    shown = {"email_hash": "e"}
    guest = signup("09:00", **ON_PHONE, **GUEST, **shown)
    account = signup("10:00", **ACCOUNT, **shown)
    rules: dict[str, Any] = {"trigger": "first_purchase"}
    for cut in range(6):
        events = [GUEST_CLICKS, guest, CLICKS, account, BUYS]
        events.insert(cut, MERGED)
        assert balances(played(events, **rules)) == {"amy": 10, "person": 10}, cut


def test_what_was_decided_is_the_same_to_the_byte_when_played_again() -> None:
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, BUYS, MERGED)
    hosts = [played(events, shuffle=Random(5), partitions=4) for _ in range(2)]
    logs = [[host.logged(topic) for topic in (REWARDS, ATTRIBUTIONS, CLAIMS)] for host in hosts]
    assert logs[0] == logs[1]
    assert balances(hosts[0]) == {"amy": 10, "person": 10}


@pytest.mark.parametrize("seed", range(30))
def test_partitions_and_batches_make_no_difference(seed: int) -> None:
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, BUYS, MERGED)
    host = played(events, shuffle=Random(seed), partitions=5, policy={"repeats": 0})
    assert balances(host) == {"amy": 20, "person": 20}

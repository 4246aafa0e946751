"""Merged users: one attribution is left, orders count once, whatever the order of arrival."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import permutations
from random import Random
from typing import Any

import pytest

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import (
    Attributed,
    DeadLettered,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
)
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.stage_messages import ReferralVoided
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CLAIMS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
)
from reftrail.rules.attribution import purchases
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    MemoryHost,
    campaign,
    click,
    code,
    purchase,
    refund,
    reviewed,
    signup,
    users_merged,
)

GUEST: dict[str, Any] = {"user_id": "guest"}
ACCOUNT: dict[str, Any] = {"user_id": "account"}
ON_PHONE = {"visitor_id": "phone"}
UNIT = 1_000_000

GUEST_CLICKS = click("AMY", at="08:00", **ON_PHONE)
GUEST_SIGNS_UP = signup("09:00", **ON_PHONE, **GUEST)
GUEST_BUYS = purchase("o1", at="09:30", **GUEST)
CLICKS = click("BOB", at="09:45")
SIGNS_UP = signup("10:00", **ACCOUNT)
BUYS = purchase("o2", at="11:00", **ACCOUNT)
MERGED = users_merged("guest", "account", at="12:00")

PEOPLE = {"guest": "person", "account": "person", "third": "person"}


def played(
    events: Iterable[Event], *, shuffle: Random | None = None, partitions: int = 1, **rules: Any
) -> MemoryHost:
    policy = policy_text(Policy(**rules.pop("policy", {})))
    host = MemoryHost(partitions=partitions, shuffle=shuffle, batch=3 if shuffle else 1)
    host.publish(CAMPAIGNS, campaign(**({"trigger": "first_purchase", "policy": policy} | rules)))
    host.publish(CODES, code("AMY", owner="amy"), code("BOB", owner="bob"))
    for event in events:  # each arrives when what came before is decided
        host.publish(EVENTS, event)
        if shuffle is None:
            host.run()
    return host.run()


def balances(host: MemoryHost) -> dict[str | None, int]:
    """The sums of each person in the end, in units."""
    sums: Counter[str | None] = Counter()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        who = PEOPLE.get(entry.beneficiary or "", entry.beneficiary)
        sums[who] += effect(entry) // UNIT
    return {who: value for who, value in sums.items() if value}


def ledger(host: MemoryHost) -> list[RewardDecided]:
    return [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]


def open_orders(host: MemoryHost) -> dict[str | None, int]:
    """The amounts that partners are asked for and that are not withdrawn, in units."""
    orders: dict[str, tuple[str, int]] = {}
    for record in host.log(REWARD_GRANTED):
        if isinstance(record, RewardGranted):
            assert record.reward_id not in orders
            orders[record.reward_id] = record.beneficiary, record.value_micros
        elif isinstance(record, RewardWithdrawn) and not record.remaining_micros:
            del orders[record.reward_id]
    sums: Counter[str | None] = Counter()
    for who, value in orders.values():
        sums[PEOPLE.get(who, who)] += value // UNIT
    return dict(sums)


def in_force(host: MemoryHost) -> list[Attributed]:
    """The attributions in force, as the warehouse's view has them."""
    made = [record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)]
    corrected = {record.corrects for record in made}
    return [record for record in made if record.decisive and record.event_id not in corrected]


def attributed_codes(host: MemoryHost) -> set[str]:
    """The codes of the attributions in force."""
    return {record.code for record in in_force(host)}


def in_any_order(events: Sequence[Event]) -> list[tuple[Event, ...]]:
    return list(permutations(events))


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
        if not _has_touches_first(arriving):
            continue
        host = played(arriving, trigger=trigger)
        names = [event.event_id for event in arriving]
        assert balances(host) == {"amy": 10, "person": 10}, names
        assert attributed_codes(host) == {"AMY"}, names


def _has_touches_first(arriving: Sequence[Event]) -> bool:
    """Whether no touch is late: what a late touch may correct is another matter."""
    return arriving.index(GUEST_CLICKS) < arriving.index(GUEST_SIGNS_UP) and arriving.index(
        CLICKS
    ) < arriving.index(SIGNS_UP)


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
        if not _has_touches_first(arriving):
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


def test_an_order_that_both_reported_earns_once_after_the_merge() -> None:
    also = purchase("o1", at="11:30", **ACCOUNT)
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, also, MERGED)
    order = Random(9)
    for _ in range(200):
        arriving = order.sample(events, len(events))
        if not _has_touches_first(arriving):
            continue
        host = played(arriving, policy={"repeats": 0})
        assert balances(host) == {"amy": 10, "person": 10}, [event.event_id for event in arriving]
        assert open_orders(host) == {"amy": 10, "person": 10}


def test_what_was_refused_as_the_guest_s_is_decided_on_after_the_merge_and_says_why() -> None:
    guest_later = signup("11:00", **ON_PHONE, **GUEST)
    guest_buys, also = purchase("o1", at="11:30", **GUEST), purchase("o1", at="11:40", **ACCOUNT)
    host = played((GUEST_CLICKS, guest_later, CLICKS, SIGNS_UP, guest_buys, also, MERGED))
    entries = [entry for entry in ledger(host) if entry.code == "BOB" and entry.role == "referrer"]
    assert [(entry.status, entry.reasons) for entry in entries] == [
        ("rejected", ["order_of_another"]),
        ("granted", ["reinstated", "users_merged"]),
    ]
    assert balances(host) == {"bob": 10, "person": 10}


def test_what_was_refused_for_the_other_s_address_is_decided_on_after_the_merge() -> None:
    shown = {"email_hash": "e"}
    guest = signup("10:30", **ON_PHONE, **GUEST, **shown)
    account = signup("10:00", **ACCOUNT, **shown)
    guest_buys = purchase("o1", at="10:40", **GUEST)
    events = [GUEST_CLICKS, guest, guest_buys, CLICKS, account, BUYS]
    weightless = {"fraud": Fraud(weights={"users_per_email": 0})}
    host = played(events, policy={"repeats": 0} | weightless)
    assert balances(host) == {"amy": 10, "person": 10}
    assert balances(played([*events, MERGED], policy={"repeats": 0} | weightless)) == {
        "bob": 20,
        "person": 20,
    }


def test_a_merge_that_is_repeated_decides_on_nothing_again() -> None:
    other = purchase("o1", at="12:30", user_id="stranger")
    stranger = signup("08:30", typed="BOB", user_id="stranger")
    events = (stranger, other, GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, MERGED)
    once = played(events)
    assert balances(once) == {"bob": 10, "stranger": 10}
    often = played((*events, MERGED, GUEST_BUYS, users_merged("guest", "account", at="15:00")))
    assert often.ledger() == once.ledger()


@pytest.mark.parametrize("into", [("guest", "account"), ("account", "guest")])
@pytest.mark.parametrize("codes", [("AMY", "BOB"), ("BOB", "BOB")])
def test_the_earlier_signup_earns_whenever_it_comes_where_both_have_one_address(
    codes: tuple[str, str], into: tuple[str, str]
) -> None:
    shown = {"email_hash": "e", "visitor_id": None}
    events = (
        signup("09:00", typed=codes[0], **GUEST, **shown),
        signup("10:00", typed=codes[1], **ACCOUNT, **shown),
        users_merged(*into, at="12:00"),
    )
    for arriving in in_any_order(events):
        host = played(arriving, trigger="signup")
        names = [event.event_id for event in arriving]
        assert balances(host) == {codes[0].lower(): 10, "person": 10}, names
        assert open_orders(host) == balances(host), names


def test_a_signup_that_is_decided_on_after_the_merge_keeps_its_evidence() -> None:
    shown = {"email_hash": "e", "device_hash": "d", "visitor_id": None}
    first = signup("08:00", typed="BOB", user_id="stranger", **(shown | {"email_hash": "other"}))
    events = (
        first,
        signup("10:00", typed="BOB", **ACCOUNT, **(shown | {"device_hash": "laptop"})),
        signup("09:00", typed="AMY", **GUEST, **shown),
        MERGED,
    )
    watchful: dict[str, Any] = {
        "fraud": Fraud(weights={"users_per_device_24h": 60}, limits={"users_per_device_24h": 1})
    }
    host = played(events, trigger="signup", policy=watchful)
    entries = [entry for entry in ledger(host) if entry.code == "AMY" and entry.role == "referrer"]
    assert [(entry.status, entry.reasons) for entry in entries] == [
        ("rejected", ["email_of_another", "users_per_device_24h"]),
        ("held", ["reinstated", "users_merged", "users_per_device_24h"]),
    ]


def test_a_signup_that_a_review_took_back_earns_nothing_under_the_same_code_after_a_merge() -> None:
    shown = {"email_hash": "e", "visitor_id": None}
    host = played(
        (
            signup("10:00", typed="AMY", **ACCOUNT, **shown),
            signup("09:00", typed="AMY", **GUEST, **shown),
        ),
        trigger="signup",
    )
    taken_back = reviewed("reverse", "11:30", code="AMY", user_id="account", reason="fraud")
    host.publish(REVIEWS, taken_back)
    host.run()
    host.publish(EVENTS, MERGED)
    host.run()
    assert balances(host) == {}
    assert open_orders(host) == {}


def test_claims_after_a_merge_come_in_bounded_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 10_000
    monkeypatch.setattr(purchases, "PART_BYTES", most)
    many = [purchase(f"o{nth}", at="11:30", **GUEST) for nth in range(60)]
    before = (GUEST_CLICKS, signup("11:00", **ON_PHONE, **GUEST), *many, CLICKS, SIGNS_UP)
    host = played((*before, MERGED), policy={"repeats": 0})
    parts = [
        record
        for record in host.log(REWARD_INPUTS)
        if isinstance(record, ReferralVoided) and record.claims
    ]
    assert len(parts) > 2
    assert len({part.event_id for part in parts}) == len(parts)
    assert all(len(encode(part)) < most + 1_000 for part in parts)
    assert balances(host) == {"bob": 600, "person": 600}
    once = host.ledger()
    host.publish(REWARD_INPUTS, *parts[1:], parts[0])
    assert host.run().ledger() == once


def test_a_reward_of_the_referral_that_ended_is_not_reinstated() -> None:
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, CLICKS, SIGNS_UP, MERGED)
    host = played(events, trigger="signup")
    assert balances(host) == {"amy": 10, "person": 10}
    again = reviewed("reinstate", "13:00", code="BOB", user_id="account", reason="goodwill")
    host.publish(REVIEWS, again)
    host.run()
    assert balances(host) == {"amy": 10, "person": 10}
    letters = [letter for letter in host.log(DEAD_LETTERS) if isinstance(letter, DeadLettered)]
    assert [letter.reason for letter in letters] == ["not_allowed"]
    assert all("merged with another" in letter.detail for letter in letters)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([MERGED, BUYS], id="the signup comes after the merge"),
        pytest.param([CLICKS, SIGNS_UP, BUYS, MERGED], id="another referral ends"),
    ],
)
def test_a_late_touch_moves_no_order_that_a_merged_user_s_referral_has_earned_with(
    before: list[Event],
) -> None:
    arrived = [*before, click("BOB", at="08:30", **ON_PHONE), GUEST_SIGNS_UP]
    earned = {"bob": 10, "person": 10}
    assert balances(played(arrived)) == earned
    host = played([*arrived, GUEST_CLICKS])
    assert balances(host) == earned
    assert attributed_codes(host) == {"BOB"}


def test_a_late_touch_corrects_a_merged_user_s_decision_before_an_order() -> None:
    clicked = click("BOB", at="08:30", **ON_PHONE)
    host = played([MERGED, clicked, GUEST_SIGNS_UP, GUEST_CLICKS, BUYS])
    assert balances(host) == {"amy": 10, "person": 10}
    assert attributed_codes(host) == {"AMY"}
    assert {entry.user_id for entry in ledger(host)} == {"guest"}

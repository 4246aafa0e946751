"""Claims that a merge decides on again: refused, reviewed and late ones earn once."""

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
    ledger,
    open_orders,
    played,
)

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Fraud
from reftrail.contracts.stage_messages import ReferralVoided
from reftrail.contracts.topics import DEAD_LETTERS, EVENTS, REVIEWS, REWARD_INPUTS
from reftrail.rules.attribution import routing
from reftrail.testing import click, purchase, refund, reviewed, signup, users_merged


def test_an_order_that_both_reported_earns_once_after_the_merge() -> None:
    also = purchase("o1", at="11:30", **ACCOUNT)
    events = (GUEST_CLICKS, GUEST_SIGNS_UP, GUEST_BUYS, CLICKS, SIGNS_UP, also, MERGED)
    order = Random(9)
    for _ in range(200):
        arriving = order.sample(events, len(events))
        if not has_touches_first(arriving):
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
    monkeypatch.setattr(routing, "PART_BYTES", most)
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


def test_an_order_that_both_reported_is_not_granted_again_once_the_other_has_paid_it_back() -> None:
    """Granted for a moment, it is ordered and withdrawn, and counts twice in a gross budget."""
    also = purchase("o1", at="10:30", **ACCOUNT)
    guest_buys = purchase("o1", at="10:40", **GUEST)
    paid_back = refund("o1", at="11:00", **ACCOUNT)
    into_guest = users_merged("account", "guest", at="12:00")
    before = (GUEST_CLICKS, GUEST_SIGNS_UP, CLICKS, SIGNS_UP)
    in_steps = users_merged("account", "third", at="12:00"), users_merged("third", "guest", "12:01")
    for merges in ([into_guest], in_steps):
        host = played((*before, also, guest_buys, paid_back, *merges), policy={"repeats": 0})
        assert balances(host) == {}
        granted = [entry for entry in ledger(host) if entry.status == "granted"]
        assert [(entry.user_id, entry.code) for entry in granted] == [("account", "BOB")] * 2

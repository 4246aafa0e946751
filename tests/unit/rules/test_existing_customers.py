"""Campaigns for new customers only: a purchase from before the touch that comes in late."""

from itertools import permutations

import pytest
from support.reward_claims import (
    REFEREE,
    REFERRER,
    both_sides_granted,
    both_sides_rejected,
    both_sides_reversed,
    bought,
    by_user,
    paid_back,
    pays_on_purchase,
    signed_up,
)

from reftrail.contracts.events import Event
from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import ReferralVoided
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS
from reftrail.testing import (
    MemoryHost,
    Outline,
    Scenario,
    campaign,
    click,
    code,
    duration,
    fulfilled,
    held,
    moment,
    purchase,
    reported,
    reversed_reward,
    signal_checked,
    signup,
)
from reftrail.testing.outlines import USER, derived


def voided(at: str = "07:00", reason: str = Reason.EXISTING_CUSTOMER) -> Outline:
    return derived(
        ReferralVoided,
        None,
        {"code": "AMY", "user_id": USER, "reason": reason, "first_purchase_at": moment(at)},
        {},
    )


def for_new_customers(**policy: object) -> Scenario:
    return pays_on_purchase(policy=by_user(new_customers_only=True, **policy))


def test_what_was_granted_is_reversed() -> None:
    (
        for_new_customers()
        .given(signed_up(), bought("o1"))
        .when(voided())
        .then(*both_sides_reversed(reasons=[Reason.EXISTING_CUSTOMER]))
        .when(voided())
        .then_nothing()
    )


def test_what_was_held_is_rejected_with_the_reasons_of_the_hold() -> None:
    (
        for_new_customers(hold_for=duration("7d"))
        .given(signed_up())
        .when(bought("o1"))
        .then(*(held(role, "AMY", Reason.HOLDING_PERIOD) for role in (REFERRER, REFEREE)))
        .when(voided())
        .then(*both_sides_rejected(Reason.EXISTING_CUSTOMER, Reason.HOLDING_PERIOD))
    )


def test_what_was_delivered_is_to_be_collected() -> None:
    scenario = for_new_customers().given(signed_up(), bought("o1"))
    scenario.when(reported(REFERRER, "13:00", action="purchase:o1")).then(
        fulfilled(REFERRER, "AMY")
    )
    reversal = scenario.when(voided()).followed[0]
    assert reversed_reward(REFERRER, "AMY", clawback_micros=10_000_000).describes(reversal)


def test_rewards_of_a_version_for_everybody_stay() -> None:
    pays_on_purchase().given(signed_up(), bought("o1")).when(voided()).then_nothing()


def test_an_order_that_was_skipped_gets_no_turn_any_more() -> None:
    (
        for_new_customers()
        .given(signed_up(), bought("o1"), bought("o2"))
        .when(voided())
        .then(*both_sides_reversed(reasons=[Reason.EXISTING_CUSTOMER]))
        .when(paid_back("o1"))
        .then_nothing()
    )


def test_it_waits_behind_a_claim_that_waits() -> None:
    (
        for_new_customers()
        .given(signed_up())
        .when(bought("o1", event_id="claim", checks=["ip"]), voided())
        .then_nothing()
        .when(checked_ip())
        .then(*both_sides_granted(), *both_sides_reversed(reasons=[Reason.EXISTING_CUSTOMER]))
    )


def checked_ip() -> Outline:
    return signal_checked("ip", of="claim")


def test_a_claim_that_names_an_older_purchase_is_rejected() -> None:
    (
        for_new_customers()
        .given(signed_up())
        .when(bought("o1", first_purchase_at=moment("08:59")))
        .then(*both_sides_rejected(Reason.EXISTING_CUSTOMER))
    )
    for_new_customers().given(signed_up()).when(
        bought("o1", first_purchase_at=moment("09:00"))
    ).then(*both_sides_granted())


EVENTS_OF_A_CUSTOMER: tuple[Event, ...] = (
    purchase("o0", at="08:00"),
    click("AMY", at="09:00"),
    signup("10:00"),
    purchase("o1", at="11:00"),
    purchase("o2", at="12:00"),
)


@pytest.mark.parametrize("trigger", [Trigger.SIGNUP, Trigger.FIRST_PURCHASE, Trigger.NTH_PURCHASE])
def test_in_any_order_of_arrival_nothing_stays_earned(trigger: Trigger) -> None:
    policy = policy_text(Policy(new_customers_only=True))
    for events in permutations(EVENTS_OF_A_CUSTOMER):
        host = MemoryHost()
        host.publish(CAMPAIGNS, campaign(trigger=trigger, policy=policy))
        host.publish(CODES, code("AMY"))
        host.publish(EVENTS, *events)
        lines = host.run().ledger()
        granted = [line.reward_id for line in lines if line.status == "granted"]
        taken = [line.reward_id for line in lines if line.status == "reversed"]
        assert granted == taken, [event.event_id for event in events]


def test_a_policy_without_the_setting_is_one_of_version_1() -> None:
    old = policy_text(Policy(repeats=2))
    assert old is not None
    assert "new_customers_only" not in old
    assert "language" not in old
    new = policy_text(Policy(new_customers_only=True))
    assert new is not None
    assert '"language":2' in new

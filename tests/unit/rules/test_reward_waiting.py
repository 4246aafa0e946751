"""Claims that wait for the answers to their checks."""

import json

from support.reward_lives import (
    REFEREE,
    both,
    both_granted,
    bought,
    entries,
    on_purchase,
    paid_back,
    programme,
    signed_up,
)

from reftrail.contracts.decisions import Basis
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    campaign,
    given,
    moment,
    refused,
    rejected,
    reviewed,
    signal_checked,
    taken_from,
)


def test_a_claim_waits_for_its_evidence() -> None:
    story = programme().when(signed_up(checks=["ip", "device"])).then_nothing()
    story.when(signal_checked("ip", of="claim")).then_nothing()
    story.when(signal_checked("ip", of="claim"), signal_checked("pair", of="claim")).then_nothing()
    story.when(signal_checked("device", of="other")).then_nothing()
    story.when(signal_checked("device", of="claim")).then(
        *both_granted(event_time=moment("10:00"), cause_event_id="claim", cause_offset=0)
    )
    story.when(signal_checked("device", of="claim"), signed_up(checks=["ip"])).then_nothing()


def test_a_claim_that_waits_already_is_not_queued_twice() -> None:
    story = programme().given(signed_up(checks=["ip"]))
    states = dict(story.states)
    story.when(signed_up(checks=["ip"])).then_nothing()
    assert story.states == states


def test_a_claim_does_not_wait_for_what_is_asked_about_a_later_one() -> None:
    story = on_purchase(repeats=2).given(
        bought("o1", event_id="first", checks=["ip"]),
        bought("o2", event_id="second", checks=["ip"]),
    )
    story.when(signal_checked("ip", of="first")).then(*both_granted(order_id="o1"))
    story.when(signal_checked("ip", of="second")).then(*both_granted(order_id="o2"))


def test_what_the_evidence_says_decides() -> None:
    story = programme().given(signed_up(checks=["device"]))
    story.when(signal_checked("device", of="claim", day=3, month=4))
    assert {entry.status for entry in entries(story)} <= {"held", "rejected"}
    evidence = json.loads(entries(story)[0].evidence or "")
    assert {item["reason"]: item["figures"]["users"] for item in evidence} == {
        "users_per_device_24h": 3,
        "users_per_device_30d": 4,
    }


def test_refunds_and_other_claims_of_the_user_do_not_overtake_one_that_waits() -> None:
    story = on_purchase().given(bought("o1", checks=["ip"], event_id="claim"))
    story.when(paid_back("o1"), bought("o2"), reviewed("approve", "12:00")).then(
        refused("unknown_reward")
    )
    story.when(signal_checked("ip", of="claim")).then(
        *both_granted(order_id="o1"),
        *both(taken_from, order_id="o1"),
        *both_granted(order_id="o2"),
    )


def test_a_purchase_waits_for_what_is_asked_about_the_signup_and_knows_it() -> None:
    story = on_purchase().given(signed_up(checks=["device"]))
    story.when(bought("o1")).then_nothing()
    story.when(signal_checked("device", of="claim", day=9, month=9))
    reasons = {reason for entry in entries(story) for reason in entry.reasons}
    assert "users_per_device_24h" in reasons


def test_evidence_about_a_later_claim_says_nothing_about_an_earlier_one() -> None:
    story = on_purchase(repeats=2).given(
        bought("o1", event_id="first", checks=["ip"]),
        bought("o2", event_id="second", checks=["device"]),
        signal_checked("device", of="second", day=99, month=99),
    )
    story.when(signal_checked("ip", of="first"))
    statuses = [(entry.order_id, entry.status) for entry in entries(story)]
    assert statuses[:2] == [("o1", "granted")] * 2
    assert [order for order, _ in statuses[2:]] == ["o2"] * 2
    assert {status for _, status in statuses[2:]} <= {"held", "rejected"}


def test_where_nothing_can_be_earned_any_more_nothing_is_waited_for() -> None:
    story = programme().given(signed_up())
    states = dict(story.states)
    story.when(signed_up("11:00", event_id="again", checks=["ip"])).then_nothing()
    story.when(signal_checked("ip", of="again")).then_nothing()
    assert story.states == states


def test_a_claim_under_an_unknown_code_waits_for_its_checks_and_is_rejected() -> None:
    story = given(campaign()).when(signed_up(checks=["ip"], basis=Basis.TYPED_CODE)).then_nothing()
    story.when(signal_checked("ip", of="claim")).then(rejected(REFEREE, "AMY", Reason.UNKNOWN_CODE))

"""State of a referral: whether it counts for milestones, and what its signup showed."""

from typing import Any

import msgspec
from support.reward_orders import (
    REFEREE,
    REFERRER,
    UNIT,
    both,
    bought,
    ledger_of,
    on_nth,
    on_purchase,
    paid_back,
    signed_up,
)

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import (
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, HOUR
from reftrail.rules.fraud.case import Signals
from reftrail.testing import (
    Scenario,
    campaign,
    code,
    expired,
    given,
    granted,
    moment,
    reported,
    signal_checked,
    tick,
    to_fulfil,
)


def qualified(story: Scenario) -> list[tuple[str, int | None]]:
    return [
        (entry.status, entry.qualifies)
        for entry in story.followed
        if isinstance(entry, RewardDecided) and entry.role == REFERRER
    ]


def test_a_referral_counts_with_its_first_grant_to_the_referrer_until_its_last_is_reversed() -> (
    None
):
    story = on_purchase(repeats=0)
    assert qualified(story.when(bought("o1"))) == [("granted", 1)]
    assert qualified(story.when(bought("o2"))) == [("granted", None)]
    assert qualified(story.when(paid_back("o1"))) == [("reversed", None)]
    assert qualified(story.when(paid_back("o2"))) == [("reversed", -1)]
    assert qualified(story.when(bought("o3"))) == [("granted", 1)]


def test_a_held_referral_counts_once_it_is_granted() -> None:
    story = on_purchase(hold_for=HOUR)
    assert qualified(story.when(bought("o1"))) == [("held", None)]
    assert qualified(story.when(tick("12:00"))) == [("granted", 1)]
    assert qualified(story.when(reported(REFERRER, "12:01", action="purchase:o1"))) == [
        ("fulfilled", None)
    ]
    assert qualified(story.when(paid_back("o1", at="12:02"))) == [("reversed", -1)]


def test_a_part_taken_back_or_an_expiry_leaves_the_referral_counting() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL, expires_after=DAY).given(bought("o1"))
    assert qualified(story.when(paid_back("o1", 50))) == [("reversed", None)]
    story.when(tick("1d 11:00")).then(*both(expired, value_micros=5 * UNIT, qualifies=None))


def test_where_there_are_milestones_a_referrer_s_side_worth_nothing_counts_too() -> None:
    badge = Milestone(name="first", kind=MilestoneKind.BADGE, grants=1)
    policy = policy_text(Policy(milestones=[badge]))
    story = given(campaign(policy=policy, referrer_reward_micros=0), code("AMY"))
    story.when(signed_up()).then(
        granted(REFERRER, "AMY", value_micros=0, qualifies=1),
        granted(REFEREE, "AMY", qualifies=None),
        to_fulfil(REFEREE, "AMY"),
    )


DEVICE = Fraud(weights={"users_per_device_24h": 100})


def test_the_answers_about_the_signup_count_for_every_later_claim() -> None:
    story = on_purchase(repeats=0, fraud=DEVICE)
    story.given(signed_up(event_id="s", checks=["device"]))
    story.given(signal_checked("device", of="s", day=9, month=9))
    for nth in range(20):
        story.when(bought(f"o{nth}"))
        assert {status for _, status in ledger_of(story)} == {"rejected"}


def test_what_the_signup_and_its_touch_showed_is_kept_for_every_later_claim() -> None:
    shown: dict[str, Any] = {"device_hash": "d", "email_hash": "e", "touch_ip_hash": "i"}
    seen: dict[str, Any] = {"touch_received_at": moment("09:01"), "touch_key_kind": "publishable"}
    story = on_purchase().given(signed_up(**shown, **seen))
    referral = story.states["reward/AMY:u1"]
    assert referral.signals == (
        Signals(device_hash="d", email_hash="e"),
        Signals(ip_hash="i"),
    )
    assert (referral.touch_received_at, referral.touch_key_kind) == (
        moment("09:01"),
        "publishable",
    )


def test_cells_of_a_referral_stay_small() -> None:
    story = on_nth(3).given(*(bought(f"o{nth}") for nth in range(200)))
    sizes = [len(msgspec.msgpack.encode(cell)) for cell in story.states.values()]
    assert max(sizes) < 1_000

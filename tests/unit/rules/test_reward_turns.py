"""Turns of a user that come free, and the orders that get them."""

from typing import Any

from support.reward_orders import (
    answered,
    both,
    both_granted,
    bought,
    ledger_of,
    on_nth,
    on_purchase,
    paid_back,
    signed_up,
)

from reftrail.contracts.policy import (
    Fraud,
    OrderIds,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.testing import (
    campaign,
    claim_id,
    code,
    given,
    moment,
    order_asked,
    reviewed,
    signal_checked,
    taken_from,
    tick,
)


def test_the_earliest_order_that_was_skipped_is_decided_on_when_a_turn_comes_free() -> None:
    story = on_purchase().given(bought("o1", at="11:00"))
    story.when(bought("late", at="11:30"), bought("early", at="11:10")).then_nothing()
    story.when(paid_back("o1")).then(
        *both(taken_from, action="purchase:o1"),
        *both_granted(action="purchase:early", action_time=moment("11:10")),
    )
    story.when(paid_back("early")).then(
        *both(taken_from, action="purchase:early"), *both_granted(action="purchase:late")
    )
    story.when(paid_back("late"), bought("early", at="11:10")).then(*both(taken_from))


def test_an_order_that_was_paid_back_since_it_was_skipped_is_passed_over() -> None:
    story = on_purchase().given(bought("o1"), bought("o2", at="11:10"), bought("o3", at="11:20"))
    story.given(paid_back("o2"))
    story.when(paid_back("o1", at="12:01"))
    assert ledger_of(story) == [("purchase:o1", "reversed"), ("purchase:o3", "granted")]


def test_a_skipped_order_that_is_rejected_passes_its_turn_on() -> None:
    story = on_purchase().given(code("AMY", regions=["DE"]), bought("o1", country="DE"))
    story.given(bought("o2", at="11:10", country="US"), bought("o3", at="11:20", country="DE"))
    story.when(paid_back("o1"))
    assert ledger_of(story) == [
        ("purchase:o1", "reversed"),
        ("purchase:o2", "rejected"),
        ("purchase:o3", "granted"),
    ]


def test_a_skipped_order_of_another_user_passes_its_turn_on() -> None:
    story = on_purchase(order_ids=OrderIds.INSTALLATION)
    story.given(bought("o1"), answered("o1"))
    story.given(bought("o2", at="11:10"), bought("o3", at="11:20"))
    story.when(paid_back("o1"))
    assert ledger_of(story) == [("purchase:o1", "reversed")]
    story.when(answered("o2", at="11:10", refused_by="order:o2"))
    assert ledger_of(story) == [("purchase:o2", "rejected")]
    assert type(story.followed[-1]).__name__ == "LimitRequested"
    story.when(answered("o3", at="11:20")).then(*both_granted(action="purchase:o3"))


def test_a_skipped_order_whose_refund_is_under_way_passes_its_turn_on() -> None:
    """The refunds of both orders wait behind a claim that waits for its checks."""
    story = on_purchase().given(bought("o1"), bought("o2", at="11:10"), bought("o3", at="11:20"))
    story.given(bought("o4", at="11:30", checks=["ip"]), paid_back("o1"), paid_back("o2"))
    story.when(signal_checked("ip", of=claim_id("AMY", "o4 11:30")))
    assert ledger_of(story) == [("purchase:o1", "reversed"), ("purchase:o3", "granted")]


def test_of_what_waits_with_the_refund_that_frees_a_turn_the_earliest_order_takes_it() -> None:
    """All wait behind a claim that waits for its checks."""
    for late, gets_it in (("11:40", "o2"), ("11:05", "late")):
        story = on_purchase().given(bought("o1"), bought("o2", at="11:10"))
        story.given(bought("checked", at="11:30", checks=["ip"]), paid_back("o1"))
        story.given(bought("late", at=late))
        story.when(signal_checked("ip", of=claim_id("AMY", "checked 11:30")))
        assert ledger_of(story) == [("purchase:o1", "reversed"), (f"purchase:{gets_it}", "granted")]
        story.when(paid_back(gets_it, at="12:10"))
        others = {"o2": "checked", "late": "o2"}
        assert ledger_of(story)[-1] == (f"purchase:{others[gets_it]}", "granted")


def test_what_a_review_took_back_frees_no_turn() -> None:
    story = on_purchase().given(bought("o1"), bought("o2", at="11:10"))
    story.when(reviewed("reverse", "11:30"))
    assert {action for action, _ in ledger_of(story)} == {"purchase:o1"}
    story.when(paid_back("o1"), bought("o3", at="12:30")).then_nothing()


def test_after_a_review_declined_a_reward_the_next_order_is_decided_on_by_itself() -> None:
    """Those that were skipped meanwhile earn nothing, even when that order is paid back."""
    story = on_purchase(hold_for=DAY).given(bought("o1"), bought("o2", at="11:10"))
    story.when(reviewed("decline", "11:30"))
    assert ledger_of(story) == [("purchase:o1", "rejected")]
    story.when(paid_back("o1"), bought("o2", at="11:10")).then(order_asked("o1"))
    story.when(bought("o3", at="12:30"), bought("o4", at="12:40"))
    assert ledger_of(story) == [("purchase:o3", "held")]
    story.when(paid_back("o3", at="13:00"))
    assert ledger_of(story) == [("purchase:o3", "rejected"), ("purchase:o4", "held")]


def test_a_reward_that_a_review_declined_on_one_side_only_keeps_its_turn() -> None:
    story = on_purchase(hold_for=DAY).when(bought("o1"))
    referee = story.followed[1].reward_id  # type: ignore[attr-defined]
    story.given(reviewed("decline", "11:30", reward_id=referee))
    story.when(bought("o2", at="12:30")).then_nothing()
    story.given(reviewed("decline", "12:40"))
    story.when(bought("o3", at="12:50"))
    assert ledger_of(story) == [("purchase:o3", "held")]


def test_after_a_hold_that_ended_in_a_rejection_the_next_order_is_decided_on_by_itself() -> None:
    suspects = Fraud(weights={"disposable_email": 60}, review_for=DAY)
    story = on_purchase(fraud=suspects).given(bought("o1", email_disposable=True))
    story.when(bought("o2", at="11:10"), tick("1d 12:00"))
    assert ledger_of(story) == [("purchase:o1", "rejected")]
    story.when(bought("o3", at="1d 12:30")).then(*both_granted(action="purchase:o3"))


def test_a_declined_reward_by_number_uses_no_turn_up() -> None:
    story = on_nth(2, repeats=1, hold_for=DAY).given(bought("o1"), bought("o2"))
    story.given(reviewed("decline", "11:30"))
    story.when(bought("o3"), bought("o4"), bought("o5"), bought("o6"))
    assert ledger_of(story) == [("nth_purchase:2", "held")]


def test_the_signup_s_reward_counts_among_those_that_repeats_allows() -> None:
    rules: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE}
    by_user = policy_text(Policy(order_ids=OrderIds.USER, repeats=2))
    story = given(
        campaign(policy=by_user),
        campaign(version=2, effective_from=moment("10:30"), policy=by_user, **rules),
        code("AMY"),
    )
    story.given(signed_up()).when(bought("o1"), bought("o2", at="11:10"))
    assert ledger_of(story) == [("purchase:o1", "granted")]

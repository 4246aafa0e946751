"""Late touches: they attribute or correct within the grace, and are recorded after it."""

from typing import Any

from support.attributing import (
    ON_PURCHASE,
    bought,
    by_code,
    late,
    paid_back,
    signed_up,
    signed_up_by_touch,
)

from reftrail.contracts.decisions import Action, Basis
from reftrail.contracts.policy import Policy, Scope, policy_text
from reftrail.contracts.reference import Trigger
from reftrail.testing import (
    attributed,
    campaign,
    claimed,
    duration,
    given,
    late_touch,
    moment,
)


def test_a_late_touch_within_the_grace_attributes_with_what_was_known_at_signup() -> None:
    (
        given(signed_up(received_at=moment("10:01"), ip_hash="i", device_hash="d"))
        .when(late_touch("AMY", at="09:00", arrived="1d 10:01", signed_up="10:00"))
        .then(
            attributed("AMY", Basis.LATE_TOUCH, decisive=True, signup_event_id="signup 10:00"),
            claimed(
                Action.SIGNUP,
                "AMY",
                at="10:00",
                basis=Basis.LATE_TOUCH,
                action_event_id="signup 10:00",
                touch_time=moment("09:00"),
                ip_hash="i",
                device_hash="d",
            ),
        )
    )


def test_a_late_touch_after_the_grace_is_kept_for_reports_only() -> None:
    (
        given(signed_up(received_at=moment("10:01")))
        .when(late_touch("AMY", at="09:00", arrived="1d 10:01:00.001", signed_up="10:00"))
        .then(attributed("AMY", Basis.LATE_TOUCH, decisive=False))
        .when(bought("o1", at="10:30"))
        .then_nothing()
    )


def test_the_grace_is_that_of_the_touch_s_campaign() -> None:
    (
        given(campaign("hasty", late_touch_grace_ms=duration("1min")), signed_up())
        .when(
            late_touch(
                "AMY",
                at="09:00",
                arrived="10:01:01",
                signed_up="10:00",
                touch_campaign_id="hasty",
            )
        )
        .then(attributed("AMY", Basis.LATE_TOUCH, decisive=False))
    )


CORRECTED = (
    attributed(
        "BOB",
        Basis.LATE_TOUCH,
        decisive=True,
        touch_time=moment("08:00"),
        signup_event_id="signup 10:00",
    ),
    claimed(Action.SIGNUP, "BOB", at="10:00", touch_time=moment("08:00"), country="DE"),
)


KEPT = attributed("BOB", Basis.LATE_TOUCH, decisive=False, touch_time=moment("08:00"))


def test_an_earlier_touch_that_comes_in_time_corrects_the_decision_while_nothing_was_earned() -> (
    None
):
    story = given(ON_PURCHASE).when(signed_up_by_touch("AMY", touch="09:00", country="DE"))
    first = story.followed[0].event_id
    story.when(late()).then(CORRECTED[0].but(corrects=first), CORRECTED[1])
    story.when(late()).then_nothing()
    story.when(bought("o1", at="11:00")).then(
        claimed(Action.PURCHASE, "BOB", at="11:00", order_id="o1")
    )


def test_a_correction_to_the_same_code_claims_nothing_again() -> None:
    story = given(ON_PURCHASE).when(signed_up_by_touch("BOB", touch="09:00", country="DE"))
    first = story.followed[0].event_id
    story.when(late()).then(CORRECTED[0].but(corrects=first))


def test_a_corrected_decision_can_be_corrected_again() -> None:
    story = given(ON_PURCHASE, signed_up_by_touch("AMY", touch="09:00", country="DE"))
    corrected = story.when(late()).followed[0].event_id
    still_earlier = late_touch("CAT", at="07:00", arrived="10:06", signed_up="10:00")
    story.when(still_earlier).then(
        attributed("CAT", Basis.LATE_TOUCH, decisive=True, corrects=corrected),
        claimed(Action.SIGNUP, "CAT", at="10:00"),
    )


def test_an_earlier_touch_after_the_grace_is_only_kept() -> None:
    too_late = late(arrived_at=moment("11:00:00.001"))
    in_time = late(arrived_at=moment("11:00"))
    signup = signed_up_by_touch("AMY", touch="09:00", country="DE")
    given(ON_PURCHASE, signup).when(too_late).then(KEPT).when(too_late).then_nothing()
    given(ON_PURCHASE, signup).when(in_time).then(*CORRECTED)


def test_an_earlier_touch_is_only_kept_once_a_purchase_may_have_earned() -> None:
    (
        given(ON_PURCHASE, signed_up_by_touch("AMY", touch="09:00"), bought("o1", at="10:01"))
        .when(late())
        .then(KEPT)
        .when(bought("o2", at="11:00"))
        .then(claimed(Action.PURCHASE, "AMY", at="11:00", order_id="o2"))
    )


def test_an_earlier_touch_is_only_kept_where_the_signup_may_have_earned() -> None:
    (
        given(campaign(trigger=Trigger.SIGNUP), signed_up_by_touch("AMY", touch="09:00"))
        .when(late())
        .then(KEPT)
        .when(late())
        .then_nothing()
        .when(bought("o1", at="11:00"))
        .then(claimed(Action.PURCHASE, "AMY", at="11:00", order_id="o1"))
    )


def test_an_earlier_touch_corrects_a_typed_code_unless_its_campaign_lets_it_win() -> None:
    typed = signed_up(typed_code="AMY", typed_campaign_id="spring", country="DE")
    given(ON_PURCHASE, typed).when(late()).then(*CORRECTED)
    wins = campaign(trigger=Trigger.FIRST_PURCHASE, typed_code_wins=True)
    given(wins, typed).when(late()).then(KEPT)


def test_who_claimed_nothing_but_refunds_can_be_corrected_and_claims_them_again() -> None:
    story = given(ON_PURCHASE, signed_up_by_touch("AMY", touch="09:00", country="DE"))
    story.given(paid_back("o1", at="10:01")).when(late()).then(
        *CORRECTED, claimed(Action.REFUND, "BOB", at="10:01", order_id="o1")
    )


def test_a_purchase_before_the_touch_claims_once_an_earlier_touch_corrects_the_decision() -> None:
    story = given(ON_PURCHASE, bought("o0", at="08:30"))
    story.given(signed_up_by_touch("AMY", touch="09:00", country="DE"))
    story.when(bought("o1", at="08:40")).then_nothing()
    story.when(late()).then(
        *CORRECTED,
        claimed(Action.PURCHASE, "BOB", at="08:30", order_id="o0"),
        claimed(Action.PURCHASE, "BOB", at="08:40", order_id="o1"),
    )


def test_a_purchase_seen_before_the_first_of_two_signups_claims_under_the_second_code_too() -> None:
    scope = policy_text(Policy(scope=Scope.CAMPAIGN))
    on_purchase: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE, "policy": scope}
    story = given(campaign("one", **on_purchase), campaign("two", **on_purchase))
    story.given(by_code("AMY", "one", at="10:00")).when(bought("o1", at="10:55")).then(
        claimed(Action.PURCHASE, "AMY", at="10:55")
    )
    story.when(by_code("BOB", "two", at="11:00")).then(
        attributed("BOB", Basis.TYPED_CODE, event_time=moment("11:00")),
        claimed(Action.SIGNUP, "BOB", at="11:00"),
        claimed(Action.PURCHASE, "BOB", at="10:55", order_id="o1"),
    )

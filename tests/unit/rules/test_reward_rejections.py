"""Rejections of claims: by rules of the code and its campaign, and by limits of the code."""

import pytest
from support.reward_claims import (
    REFEREE,
    REFERRER,
    UNIT,
    both_sides_granted,
    both_sides_rejected,
    both_sides_reversed,
    bought,
    paid_back,
    paid_on_signup_then_on_purchase,
    pays_on_purchase,
    pays_on_signup,
    signed_up,
)

from reftrail.contracts.reference import CodeChanged, CodeStatus, Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    campaign,
    code,
    duration,
    given,
    granted,
    moment,
    order_asked,
    rejected,
    taken_from,
    to_fulfil,
)


def test_a_signup_under_an_unknown_code_leaves_a_trace_and_purchases_do_not_repeat_it() -> None:
    (
        given(campaign())
        .when(signed_up())
        .then(
            rejected(
                REFEREE,
                "AMY",
                Reason.UNKNOWN_CODE,
                beneficiary=None,
                value_micros=0,
                currency="XXX",
                kind="none",
                action="signup",
                campaign_id=None,
            )
        )
        .when(signed_up(), bought("o1"), paid_back("o1"))
        .then(order_asked("o1"))
        .given(code("AMY"))
        .when(signed_up(), bought("o1"))
        .then_nothing()
    )


def test_a_signup_under_a_code_of_an_unknown_campaign_leaves_a_trace() -> None:
    (
        given(code("AMY", status=CodeStatus.REVOKED))
        .when(signed_up())
        .then(
            rejected(
                REFEREE,
                "AMY",
                Reason.UNKNOWN_CAMPAIGN,
                Reason.CODE_INACTIVE,
                beneficiary="u1",
                value_micros=0,
                currency="XXX",
                campaign_id="spring",
                campaign_version=None,
            )
        )
    )


def test_an_inactive_code_earns_nothing_from_when_it_became_so() -> None:
    for status in (CodeStatus.REVOKED, CodeStatus.SUSPENDED):
        revoked = code("AMY", status=status, event_time=moment("10:30"))
        story = given(campaign(), revoked)
        story.when(signed_up("10:30")).then(*both_sides_rejected(Reason.CODE_INACTIVE))
        given(campaign(), revoked).when(signed_up("10:29:59.999")).then(*both_sides_granted())


def test_an_expired_code_earns_nothing() -> None:
    expiring = code("AMY", expires_at=moment("10:30"))
    given(campaign(), expiring).when(signed_up("10:29:59.999")).then(*both_sides_granted())
    (
        given(campaign(), expiring)
        .when(signed_up("10:30"))
        .then(*both_sides_rejected(Reason.CODE_EXPIRED))
    )


@pytest.mark.parametrize(
    ("at", "is_running"),
    [("09:59:59.999", False), ("10:00", True), ("10:59:59.999", True), ("11:00", False)],
)
def test_a_campaign_pays_while_it_runs(at: str, *, is_running: bool) -> None:
    (
        pays_on_signup(starts_at=moment("10:00"), ends_at=moment("11:00"))
        .when(signed_up(at))
        .then(
            *(
                both_sides_granted()
                if is_running
                else both_sides_rejected(Reason.CAMPAIGN_NOT_RUNNING)
            )
        )
    )


def test_a_touch_longer_ago_than_the_code_s_campaign_allows_earns_nothing() -> None:
    story = pays_on_signup(attribution_window_ms=duration("1h"))
    story.when(
        signed_up(user_id="u1", signed_up_at=moment("10:00"), touch_time=moment("09:00")),
    ).then(*(outline.but(user_id="u1") for outline in both_sides_granted()))
    story.when(
        signed_up(user_id="u2", signed_up_at=moment("10:00"), touch_time=moment("08:59:59.999")),
    ).then(
        rejected(REFERRER, "AMY", Reason.OUTSIDE_WINDOW, user_id="u2"),
        rejected(REFEREE, "AMY", Reason.OUTSIDE_WINDOW, user_id="u2"),
    )


def test_nobody_refers_themselves() -> None:
    (
        given(campaign(), code("AMY", owner="u1"))
        .when(signed_up())
        .then(
            rejected(
                REFERRER, "AMY", Reason.SELF_REFERRAL, beneficiary="u1", value_micros=10 * UNIT
            ),
            rejected(
                REFEREE, "AMY", Reason.SELF_REFERRAL, beneficiary="u1", value_micros=10 * UNIT
            ),
        )
        .when(signed_up())
        .then_nothing()
    )


def test_a_code_earns_for_so_many_users_and_no_more() -> None:
    story = given(campaign(), code("AMY", max_uses=2))
    for user in ("u1", "u2"):
        story.when(signed_up(user_id=user), signed_up(user_id=user)).then(
            granted(REFERRER, "AMY", user_id=user),
            to_fulfil(REFERRER, "AMY", user_id=user),
            granted(REFEREE, "AMY", user_id=user),
            to_fulfil(REFEREE, "AMY", user_id=user),
        )
    story.when(signed_up(user_id="u3")).then(
        rejected(REFERRER, "AMY", Reason.CODE_USED_UP, user_id="u3"),
        rejected(REFEREE, "AMY", Reason.CODE_USED_UP, user_id="u3"),
    )


def test_a_rejection_takes_no_use_and_a_reversal_gives_none_back() -> None:
    story = pays_on_purchase().given(code("AMY", max_uses=1, owner="u1"))
    story.given(bought("o1", user_id="u1"), bought("o2", user_id="u2"))
    story.when(paid_back("o2", user_id="u2")).then(
        *taken_from(REFERRER, "AMY", user_id="u2"), *taken_from(REFEREE, "AMY", user_id="u2")
    )
    story.when(bought("o3", user_id="u3")).then(
        *(rejected(role, "AMY", Reason.CODE_USED_UP) for role in (REFERRER, REFEREE))
    )


def test_codes_count_their_uses_apart() -> None:
    story = given(campaign(), code("AMY", max_uses=1), code("BOB", max_uses=1))
    story.given(signed_up(user_id="u1", under="AMY"))
    story.when(signed_up(user_id="u2", under="BOB")).then(
        granted(REFERRER, "BOB"),
        to_fulfil(REFERRER, "BOB"),
        granted(REFEREE, "BOB"),
        to_fulfil(REFEREE, "BOB"),
    )


def test_a_code_that_a_user_used_up_is_not_so_for_that_user() -> None:
    story = paid_on_signup_then_on_purchase(repeats=2)
    story.when(signed_up("10:00")).then(*both_sides_granted(action="signup"))
    story.when(bought("o1", at="11:00")).then(*both_sides_granted(action="purchase:o1"))
    story.when(paid_back("o1")).then(*both_sides_reversed(action="purchase:o1"))


def test_a_rejection_lists_all_reasons_in_their_order() -> None:
    story = given(
        campaign(
            trigger=Trigger.FIRST_PURCHASE,
            minimum_amount_micros=1,
            attribution_window_ms=0,
            ends_at=moment("00:00"),
        ),
        code(
            "AMY",
            owner="u1",
            status=CodeStatus.SUSPENDED,
            expires_at=moment("00:00"),
            max_uses=0,
        ),
    )
    every = [
        Reason.CODE_INACTIVE,
        Reason.CODE_EXPIRED,
        Reason.CAMPAIGN_NOT_RUNNING,
        Reason.OUTSIDE_WINDOW,
        Reason.CODE_USED_UP,
        Reason.CURRENCY_MISMATCH,
        Reason.SELF_REFERRAL,
    ]
    story.when(bought("o1", currency="EUR")).then(
        rejected(REFERRER, "AMY", *every), rejected(REFEREE, "AMY", *every)
    )


def test_a_rejection_is_for_good_for_its_order_and_uses_nothing_up() -> None:
    story = pays_on_purchase().given(code("AMY", status=CodeStatus.SUSPENDED))
    story.when(bought("o1")).then(*both_sides_rejected(Reason.CODE_INACTIVE, action="purchase:o1"))
    story.given(code("AMY")).when(bought("o1")).then_nothing()
    story.when(bought("o2")).then(*both_sides_granted(action="purchase:o2"))


def test_what_a_code_s_record_says_last_is_what_counts() -> None:
    first: CodeChanged = code("AMY", owner=None)
    (
        given(campaign(), first, code("AMY", owner="bound later"))
        .when(signed_up())
        .then(
            granted(REFERRER, "AMY", beneficiary="bound later"),
            to_fulfil(REFERRER, "AMY"),
            granted(REFEREE, "AMY"),
            to_fulfil(REFEREE, "AMY"),
        )
    )

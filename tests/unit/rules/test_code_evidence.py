"""Evidence of a code's symbols, from the event to the reward, and the places where codes hold."""

from typing import Any

import pytest

from reftrail.contracts.decisions import Action, Basis, Role
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.policy import OrderIds, Policy, policy_text
from reftrail.contracts.reference import CodeStatus, Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    Outline,
    attributed,
    campaign,
    claimed,
    click,
    code,
    converted,
    given,
    granted,
    late_touch,
    moment,
    purchase,
    rejected,
    signup,
    taken_from,
    to_fulfil,
    touched,
)

DERIVED: dict[str, Any] = {"code_evidence": CodeEvidence.DERIVED, "campaign_id": "spring"}
BY_TOUCH: dict[str, Any] = {
    "touch_code": "SPR1",
    "touch_code_evidence": CodeEvidence.DERIVED,
    "touch_campaign_id": "spring",
    "touch_channel": "leaflet",
    "touch_time": moment("09:00"),
    "touch_event_id": "click 09:00",
}


def signed_up(at: str = "10:00", **overrides: Any) -> Outline:
    return claimed(Action.SIGNUP, "SPR1", at, **overrides)


def bought(order: str, **overrides: Any) -> Outline:
    money = {"amount_micros": 100_000_000, "currency": "USD"}
    return claimed(Action.PURCHASE, "SPR1", "11:00", order_id=order, **(money | overrides))


def referee_granted(**overrides: Any) -> tuple[Outline, ...]:
    return granted(Role.REFEREE, "SPR1", **overrides), to_fulfil(Role.REFEREE, "SPR1")


def both_rejected(*reasons: str) -> tuple[Outline, ...]:
    return tuple(rejected(role, "SPR1", *reasons) for role in (Role.REFERRER, Role.REFEREE))


def test_evidence_goes_with_the_touch_to_the_signup() -> None:
    (
        given()
        .when(click("SPR1", at="09:00", **DERIVED))
        .then(touched("SPR1", at="09:00", code_evidence="derived"))
        .when(signup(at="10:00"))
        .then(converted("signup", at="10:00", touch_code="SPR1", touch_code_evidence="derived"))
    )


def test_evidence_goes_with_a_late_touch() -> None:
    (
        given(signup(at="10:00"))
        .when(click("SPR1", at="09:00", received_at=moment("10:30"), **DERIVED))
        .then(
            touched("SPR1", at="09:00"),
            converted("late_touch", at="10:00", touch_code_evidence="derived"),
        )
    )


def test_evidence_of_a_touch_is_not_that_of_the_touch_before() -> None:
    (
        given(click("SPR1", at="10:00", **DERIVED))
        .when(click("AMY", at="09:00"))
        .then(touched("AMY", at="09:00", code_evidence=None))
        .when(signup(at="11:00"))
        .then(converted("signup", at="11:00", touch_code="AMY", touch_code_evidence=None))
    )


def test_a_typed_code_and_a_touch_have_each_their_own_evidence() -> None:
    forged = {"code_known": False, "code_evidence": "forged", "campaign_id": None}
    (
        given(click("SPR1", at="09:00", **DERIVED))
        .when(signup(at="10:00", typed="SPR2", **forged))
        .then(
            converted(
                "signup",
                at="10:00",
                touch_code_evidence="derived",
                typed_code="SPR2",
                typed_code_known=False,
                typed_code_evidence="forged",
                typed_campaign_id=None,
            )
        )
    )


def test_a_disposable_address_is_told_with_the_claim() -> None:
    (
        given()
        .when(signup(at="10:00", email_disposable=True), purchase("o1", at="11:00"))
        .then(
            converted("signup", at="10:00", email_disposable=True),
            converted("purchase", at="11:00", email_disposable=None),
        )
        .when(converted("signup", at="10:00", email_disposable=True, **BY_TOUCH))
        .then(attributed("SPR1"), claimed(Action.SIGNUP, "SPR1", "10:00", email_disposable=True))
    )


def test_every_claim_of_a_user_repeats_what_was_known_of_the_code() -> None:
    known = {"code_evidence": "derived", "campaign_id": "spring", "channel": "leaflet"}
    (
        given()
        .when(converted("signup", at="10:00", channel="web", **BY_TOUCH))
        .then(attributed("SPR1", **known), claimed(Action.SIGNUP, "SPR1", "10:00", **known))
        .when(converted("purchase", at="11:00", order_id="o1", channel="web"))
        .then(claimed(Action.PURCHASE, "SPR1", "11:00", **known))
    )


def test_a_claim_has_the_action_s_own_channel_where_the_code_came_through_none_known() -> None:
    (
        given(
            converted("signup", at="10:00", channel="web", **(BY_TOUCH | {"touch_channel": None}))
        )
        .when(converted("purchase", at="11:00", order_id="o1", channel="app"))
        .then(claimed(Action.PURCHASE, "SPR1", "11:00", channel="app"))
    )


def test_evidence_goes_with_attributions_by_late_touches_and_typed_codes() -> None:
    late = late_touch(
        "SPR1", at="09:00", arrived="10:30", signed_up="10:00", touch_code_evidence="derived"
    )
    (
        given(converted("signup", at="10:00"))
        .when(late)
        .then(
            attributed("SPR1", Basis.LATE_TOUCH, code_evidence="derived"),
            claimed(Action.SIGNUP, "SPR1", "10:00", code_evidence="derived"),
        )
    )
    typed = {"typed_code": "SPR2", "typed_code_known": False, "typed_code_evidence": "forged"}
    (
        given()
        .when(converted("signup", at="10:00", **typed))
        .then(
            attributed("SPR2", Basis.TYPED_CODE, code_evidence="forged"),
            claimed(Action.SIGNUP, "SPR2", "10:00", code_evidence="forged"),
        )
    )


def test_a_derived_code_earns_under_its_campaign_without_being_registered() -> None:
    story = given(campaign(category="media")).when(signed_up(**DERIVED, channel="leaflet"))
    story.then(*referee_granted(campaign_id="spring", category="media", channel="leaflet"))
    assert story.reference.missed == set()


def test_a_derived_code_earns_on_purchase_and_its_refund_takes_that_back() -> None:
    refunded = claimed(Action.REFUND, "SPR1", "12:00", order_id="o1", **DERIVED)
    by_user = policy_text(Policy(order_ids=OrderIds.USER))
    (
        given(campaign(trigger=Trigger.FIRST_PURCHASE, policy=by_user))
        .when(bought("o1", **DERIVED))
        .then(*referee_granted(action="purchase:o1"))
        .when(refunded)
        .then(*taken_from(Role.REFEREE, "SPR1"))
    )


def test_the_record_of_a_derived_code_counts_where_there_is_one() -> None:
    bound = code("SPR1", owner="amy", revision=1)
    given(campaign(), bound).when(signed_up(**DERIVED)).then(
        granted(Role.REFERRER, "SPR1", beneficiary="amy"),
        to_fulfil(Role.REFERRER, "SPR1"),
        *referee_granted(),
    )
    revoked = code("SPR1", status=CodeStatus.REVOKED, event_time=moment("09:30"))
    (
        given(campaign(), revoked)
        .when(signed_up(**DERIVED))
        .then(*both_rejected(Reason.CODE_INACTIVE))
    )


def test_a_derived_code_of_a_campaign_that_nobody_knows_leaves_a_trace() -> None:
    (
        given()
        .when(signed_up(**DERIVED))
        .then(rejected(Role.REFEREE, "SPR1", Reason.UNKNOWN_CAMPAIGN, campaign_id="spring"))
    )


def test_without_a_campaign_a_derived_code_has_to_be_registered() -> None:
    nowhere: dict[str, Any] = {"code_evidence": CodeEvidence.DERIVED, "campaign_id": None}
    story = given(campaign()).when(signed_up(**nowhere))
    story.then(rejected(Role.REFEREE, "SPR1", Reason.UNKNOWN_CODE))
    assert story.reference.missed == {("code", "SPR1")}


def test_a_code_that_was_not_there_when_the_user_claimed_has_not_earned_by_then() -> None:
    """It was registered between the claim and its decision: a late touch may correct it yet."""
    story = given(campaign(), code("AMY")).when(
        claimed(Action.SIGNUP, "AMY", "10:00", campaign_id=None)
    )
    story.then(rejected(Role.REFEREE, "AMY", Reason.UNKNOWN_CODE))


def test_a_forged_code_is_rejected_without_a_lookup_whatever_is_registered() -> None:
    for known in ([], [code("SPR1")]):
        story = given(campaign(), *known).when(signed_up(code_evidence="forged", campaign_id=None))
        story.then(
            rejected(
                Role.REFEREE,
                "SPR1",
                Reason.FORGED_CODE,
                beneficiary=None,
                campaign_id=None,
                value_micros=0,
                currency="XXX",
            )
        )
        assert story.reference.missed == set()
        story.when(bought("o1", code_evidence="forged"), signed_up()).then_nothing()


@pytest.mark.parametrize("evidence", [None, "mistyped", "malformed", "retired"])
def test_any_other_code_has_to_be_registered(evidence: str | None) -> None:
    story = given(campaign()).when(signed_up(code_evidence=evidence, campaign_id="spring"))
    story.then(rejected(Role.REFEREE, "SPR1", Reason.UNKNOWN_CODE))
    assert story.reference.missed == {("code", "SPR1")}


def test_a_registered_code_whose_format_was_retired_before_it_was_used_earns_nothing() -> None:
    story = given(campaign(), code("SPR1"))
    story.when(signed_up(code_evidence="retired")).then(*both_rejected(Reason.CODE_INACTIVE))


def test_a_code_that_was_ended_before_its_time_is_expired_from_then_on() -> None:
    ended = code("SPR1", status=CodeStatus.EXPIRED, event_time=moment("10:30"))
    story = given(campaign(), ended)
    story.when(signed_up("10:30")).then(*both_rejected(Reason.CODE_EXPIRED))
    story.when(signed_up("10:29:59.999", user_id="u2")).then(
        granted(Role.REFERRER, "SPR1"),
        to_fulfil(Role.REFERRER, "SPR1"),
        granted(Role.REFEREE, "SPR1"),
        to_fulfil(Role.REFEREE, "SPR1"),
    )


@pytest.mark.parametrize(
    ("limits", "overrides", "reasons"),
    [
        ({"channels": ["mail", "app"]}, {"channel": "app"}, []),
        ({"channels": ["mail", "app"]}, {"channel": "web"}, [Reason.NOT_FOR_CHANNEL]),
        ({"channels": ["mail"]}, {"channel": None}, [Reason.NOT_FOR_CHANNEL]),
        ({"regions": ["DE", "AT"]}, {"country": "AT"}, []),
        ({"regions": ["DE", "AT"]}, {"country": "US"}, [Reason.NOT_FOR_REGION]),
        ({"regions": ["DE"]}, {"country": None}, [Reason.NOT_FOR_REGION]),
        (
            {"regions": ["DE"], "channels": ["mail"], "status": CodeStatus.EXPIRED},
            {"country": "US"},
            [Reason.CODE_EXPIRED, Reason.NOT_FOR_CHANNEL, Reason.NOT_FOR_REGION],
        ),
    ],
)
def test_a_code_earns_in_its_channels_and_regions(
    limits: dict[str, Any], overrides: dict[str, Any], reasons: list[Reason]
) -> None:
    story = given(campaign(), code("SPR1", owner=None, **limits)).when(signed_up(**overrides))
    if reasons:
        story.then(rejected(Role.REFEREE, "SPR1", *reasons))
    else:
        story.then(*referee_granted())

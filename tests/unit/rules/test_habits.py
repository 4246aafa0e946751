"""Claims with several suspicions together, under the default policy."""

from typing import Any

import pytest

from reftrail.contracts.decisions import Action, RewardDecided
from reftrail.contracts.policy import OrderIds, Policy, policy_text
from reftrail.contracts.record import SECOND
from reftrail.contracts.reference import Trigger
from reftrail.testing import Outline, Scenario, campaign, claimed, code, given, moment

AT = moment("10:00")
HOME: dict[str, Any] = {"ip_hash": "home"}
FAR_AWAY: dict[str, Any] = {"ip_hash": "far away"}
THROWN_AWAY: dict[str, Any] = {"email_disposable": True}


def programme(**rules: Any) -> Scenario:
    return given(campaign(**rules), code("AMY", owner_ip_hash="home"))


def signed_up(user: str, **overrides: Any) -> Outline:
    return claimed(Action.SIGNUP, "AMY", "10:00", user_id=user, **overrides)


def verdict(story: Scenario) -> tuple[str, list[str]]:
    """The last status of both sides' rewards, and its reasons."""
    referrer, referee = (entry for entry in story.followed if isinstance(entry, RewardDecided))
    assert (referrer.status, referrer.reasons) == (referee.status, referee.reasons)
    return referrer.status, referrer.reasons


@pytest.mark.parametrize("before", [0, 1])
def test_one_suspicious_claim_makes_no_code_suspicious(before: int) -> None:
    story = programme().given(
        *(signed_up(f"u{nth}", **HOME, **THROWN_AWAY) for nth in range(before))
    )
    assert verdict(story.when(signed_up("last", **HOME))) == ("granted", [])


def test_after_two_suspicious_claims_the_owner_s_address_is_enough_to_hold() -> None:
    story = programme().given(
        signed_up("u1", **HOME, **THROWN_AWAY), signed_up("u2", **HOME, **THROWN_AWAY)
    )
    assert verdict(story.when(signed_up("u3", **HOME))) == ("held", ["owner_ip", "suspicious_code"])


def test_somebody_without_any_other_suspicion_earns_under_a_suspicious_code() -> None:
    story = programme().given(*(signed_up(f"u{nth}", **HOME, **THROWN_AWAY) for nth in range(9)))
    assert verdict(story.when(signed_up("friend", **FAR_AWAY))) == ("granted", [])


def test_a_code_whose_claims_are_half_honest_is_not_suspicious() -> None:
    story = programme().given(
        signed_up("u1", **FAR_AWAY),
        signed_up("u2", **HOME, **THROWN_AWAY),
        signed_up("u3", **HOME, **THROWN_AWAY),
        signed_up("u4", **FAR_AWAY),
    )
    assert verdict(story.when(signed_up("u5", **HOME))) == ("granted", [])


@pytest.mark.parametrize(
    ("signup_took", "purchase_took", "expected"),
    [
        (9, 29, ("granted", [])),
        (3, 30, ("granted", [])),
        (2, 30, ("held", ["fast_signup", "instant_signup"])),
        (2, 29, ("rejected", ["fast_signup", "instant_signup", "fast_purchase"])),
    ],
)
def test_haste_of_people_is_granted_and_that_of_programs_is_not(
    signup_took: int, purchase_took: int, expected: tuple[str, list[str]]
) -> None:
    by_user = policy_text(Policy(order_ids=OrderIds.USER))
    story = programme(trigger=Trigger.FIRST_PURCHASE, policy=by_user).when(
        claimed(
            Action.PURCHASE,
            "AMY",
            "10:00",
            order_id="o",
            signed_up_at=AT - purchase_took * SECOND,
            touch_time=AT - (purchase_took + signup_took) * SECOND,
        )
    )
    assert verdict(story) == expected

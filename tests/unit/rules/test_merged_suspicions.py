"""Suspicions of a merged user's order count again when a merge decides on the order again."""

from typing import Any

import pytest
from support.merged_users import ACCOUNT, GUEST, MERGED, balances, ledger, played

from reftrail.contracts.events import Event
from reftrail.contracts.policy import Caps, Fraud
from reftrail.contracts.topics import EVENTS, REVIEWS
from reftrail.testing import MemoryHost, purchase, reviewed, signup, users_merged

SHOWN: dict[str, Any] = {"device_hash": "d"}
CROWD = (
    signup("08:00", typed="BOB", user_id="stranger", visitor_id=None),
    purchase("x", at="08:30", user_id="stranger", **SHOWN),
)
PERSON = (
    signup("09:00", typed="AMY", visitor_id=None, **GUEST),
    signup("10:00", typed="AMY", visitor_id=None, **ACCOUNT),
    purchase("o1", at="11:00", **ACCOUNT),
)
SUSPICIOUS = purchase("o2", at="11:30", **GUEST, **SHOWN)


@pytest.mark.parametrize("weight", [60, 100])
@pytest.mark.parametrize(
    "caps",
    [
        pytest.param(Caps(per_code=1), id="per code"),
        pytest.param(Caps(per_code_per_day=1), id="per code and day"),
        pytest.param(Caps(per_referrer=1), id="per referrer"),
    ],
)
def test_a_device_of_several_users_speaks_against_an_order_before_and_after_a_merge(
    caps: Caps, weight: int
) -> None:
    fraud = Fraud(weights={"users_per_device_24h": weight}, limits={"users_per_device_24h": 1})
    policy = {"repeats": 0, "caps": caps, "fraud": fraud}
    merged_before = played([*CROWD, *PERSON, MERGED, SUSPICIOUS], policy=policy)
    merged_after = played([*CROWD, *PERSON, SUSPICIOUS, MERGED], policy=policy)
    assert balances(merged_before) == {"bob": 10, "stranger": 10, "amy": 10, "person": 10}
    assert balances(merged_after) == balances(merged_before)
    decided = {entry.status for entry in ledger(merged_after) if entry.order_id == "o2"}
    assert decided == ({"rejected"} if weight == 100 else {"rejected", "held"})


HOLDING: dict[str, Any] = {
    "repeats": 0,
    "fraud": Fraud(weights={"users_per_device_24h": 60}, limits={"users_per_device_24h": 1}),
}
EARLIER = signup("09:00", visitor_id=None, **ACCOUNT, typed="AMY")
SEEN = purchase("o1", at="11:30", **GUEST, **SHOWN)


def later(typed: str) -> Event:
    return signup("10:00", typed=typed, visitor_id=None, **GUEST)


def of_order(host: MemoryHost, order: str, user: str) -> list[tuple[str, list[str]]]:
    """The referrer's entries of an order under a user's referral: status and reasons."""
    return [
        (entry.status, entry.reasons)
        for entry in ledger(host)
        if (entry.order_id, entry.user_id, entry.role) == (order, user, "referrer")
    ]


@pytest.mark.parametrize("typed", ["AMY", "BOB"])
def test_a_held_order_is_held_under_the_referral_that_is_left(typed: str) -> None:
    """Whoever owns the code under which it was held."""
    host = played([*CROWD, EARLIER, later(typed), SEEN, MERGED], policy=HOLDING)
    assert balances(host) == {"bob": 10, "stranger": 10}
    assert of_order(host, "o1", "account") == [("held", ["users_per_device_24h"])]


def test_an_order_that_a_merged_guest_reports_later_is_checked() -> None:
    host = played([*CROWD, EARLIER, later("AMY"), MERGED, SEEN], policy=HOLDING)
    assert of_order(host, "o1", "account") == [("held", ["users_per_device_24h"])]


@pytest.mark.parametrize("decision", ["approve", "reinstate"])
def test_what_a_review_has_approved_in_spite_of_evidence_is_granted_after_a_merge(
    decision: str,
) -> None:
    about: dict[str, Any] = {"code": "AMY", "user_id": "guest", "reason": "known customer"}
    host = played([*CROWD, EARLIER, later("AMY"), SEEN], policy=HOLDING)
    reviews = [reviewed(decision, "11:45", **about)]
    if decision == "reinstate":
        reviews.insert(0, reviewed("decline", "11:40", **about))
    host.publish(REVIEWS, *reviews)
    host.run()
    host.publish(EVENTS, MERGED)
    assert balances(host.run()) == {"bob": 10, "stranger": 10, "amy": 10, "person": 10}
    host.publish(EVENTS, signup("08:00", typed="AMY", visitor_id=None, user_id="third"))
    host.publish(EVENTS, users_merged("account", "third", at="13:00"))
    assert balances(host.run()) == {"bob": 10, "stranger": 10, "amy": 10, "person": 10}


def test_an_approval_of_one_side_leaves_the_evidence_against_the_order() -> None:
    host = played([*CROWD, EARLIER, later("AMY"), SEEN], policy=HOLDING)
    reward = next(
        entry.reward_id
        for entry in ledger(host)
        if (entry.status, entry.role) == ("held", "referrer")
    )
    host.publish(REVIEWS, reviewed("approve", "11:45", user_id="guest", reward_id=reward))
    host.run()
    host.publish(EVENTS, MERGED)
    host.run()
    assert of_order(host, "o1", "account") == [("held", ["users_per_device_24h"])]

"""Allow and block lists, and signals of the signup and touch, as evidence."""

from typing import Any

import msgspec
import pytest
from support.fraud_cases import NOON, bought, case, found, listed

from reftrail.rules.fraud.case import Signals
from reftrail.testing import moment


@pytest.mark.parametrize("subject", ["code", "user", "ip", "network", "device", "email"])
def test_each_subject_can_be_blocked(subject: str) -> None:
    signals: dict[str, Any] = {
        f"{kind}_hash": f"{kind} 1" for kind in ("ip", "network", "device", "email")
    }
    value = {"code": "AMY", "user": "u1"}.get(subject, f"{subject} 1")
    assert found(case(lists=(listed(subject, value),), **signals)).keys() == {"blocked"}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("reason", "signals"),
    [
        ("owner_device", Signals(device_hash="d")),
        ("owner_ip", Signals(ip_hash="i")),
        ("owner_email", Signals(email_hash="e")),
        ("disposable_email", Signals(email_hash="t", email_disposable=True)),
    ],
)
def test_what_the_signup_or_the_touch_showed_counts_for_a_purchase_without_signals(
    reason: str, signals: Signals, place: int
) -> None:
    owner = {"owner_device_hash": "d", "owner_ip_hash": "i", "owner_email_hash": "e"}
    others = [Signals("d2", "i2", "n2", "e2", email_disposable=False)] * 2
    others[place] = signals
    assert found(bought(facts=owner, others=tuple(others))).keys() == {reason}
    assert found(bought(facts=owner, others=(others[1 - place],))) == {}


@pytest.mark.parametrize("listing", ["block", "allow"])
@pytest.mark.parametrize("subject", ["ip", "network", "device", "email"])
def test_lists_look_at_the_signals_of_the_signup_and_the_touch(subject: str, listing: str) -> None:
    entry = listed(subject, "x", listing)
    signup, touch = (
        Signals(device_hash="d"),
        msgspec.structs.replace(Signals(), **{f"{subject}_hash": "x"}),
    )
    for others in ((signup, touch), (touch, signup), (touch,)):
        purchase = bought(lists=(entry,), others=others)
        assert found(purchase).keys() == {"blocked" if listing == "block" else "allowed"}
    assert found(bought(lists=(entry,), others=(signup,))) == {}


def test_a_touch_is_backdated_only_under_a_publishable_key() -> None:
    late = moment("9d 11:00")
    assert found(case(touch=(late, "publishable"))).keys() == {"backdated"}
    assert found(case(touch=(late, "secret"))) == {}
    assert found(case()) == {}


def test_a_list_s_entry_counts_up_to_when_the_claim_came_in() -> None:
    for expires_at, is_found in ((NOON + 5, False), (NOON + 6, True)):
        entry = listed("user", "u1", expires_at=expires_at)
        claim = case(lists=(entry,), received_at=NOON + 5)
        assert (found(claim).keys() == {"blocked"}) is is_found

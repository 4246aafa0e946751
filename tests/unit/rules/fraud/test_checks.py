"""Evidence for fraud, check by check: from which limit on it is found, and with what figures."""

from typing import Any

import msgspec
import pytest
from support.fraud_cases import NOON, bought, case, found, listed, seen

from reftrail.contracts.decisions import Basis
from reftrail.contracts.policy import Fraud
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, SECOND
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours, with_amount, with_claim
from reftrail.rules.fraud.case import Case, Figures, Signals, SignalSeen
from reftrail.rules.fraud.scoring import Verdict, gather, is_suspicious, judge
from reftrail.testing import moment

UNIT = MICROS_PER_UNIT
UNLIKE: Figures = {"owner": "k1", "claim": "k2"}


def usual_orders(count: int = 20, paid: int = 40) -> Amounts:
    amounts = Amounts()
    for _ in range(count):
        amounts = with_amount(amounts, paid * UNIT, "USD")
    return amounts


def claims_at(*times: int) -> Hours:
    hours = Hours()
    for at in times:
        hours = with_claim(hours, at)
    return hours


def test_an_honest_claim_has_no_evidence_against_it() -> None:
    honest = case(
        facts={"owner_device_hash": "d1", "owner_ip_hash": "i1", "owner_email_hash": "e1"},
        device_hash="d2",
        ip_hash="i2",
        email_hash="e2",
        email_disposable=False,
        seen=seen("ip", 5, 20, 20, 2),
        amounts=usual_orders(),
        hours=claims_at(*(NOON - nth * HOUR for nth in range(48))),
    )
    assert found(honest) == {}


@pytest.mark.parametrize(
    ("reason", "guilty", "innocent", "figures"),
    [
        (
            "self_referral",
            case(facts={"owner_user_id": "u1"}),
            case(facts={"owner_user_id": None}),
            {"owner": "u1"},
        ),
        (
            "owner_device",
            case(facts={"owner_device_hash": "d"}, device_hash="d"),
            case(facts={"owner_device_hash": None}, device_hash=None),
            {"device": "d"},
        ),
        (
            "owner_ip",
            case(facts={"owner_ip_hash": "i"}, ip_hash="i"),
            case(facts={"owner_ip_hash": "i"}, ip_hash="j", network_hash="i"),
            {"ip": "i"},
        ),
        (
            "owner_email",
            case(facts={"owner_email_hash": "e"}, email_hash="e"),
            case(facts={"owner_email_hash": "e"}),
            {"email": "e"},
        ),
        (
            "disposable_email",
            case(email_disposable=True, email_hash="e"),
            case(email_disposable=None, email_hash="e"),
            {"email": "e"},
        ),
        (
            "users_per_ip_24h",
            case(seen=seen("ip", day=6)),
            case(seen=seen("ip", day=5)),
            {"users": 6, "limit": 5},
        ),
        (
            "users_per_ip_30d",
            case(seen=seen("ip", month=21)),
            case(seen=seen("ip", month=20)),
            {"users": 21, "limit": 20},
        ),
        (
            "users_per_network_24h",
            case(seen=seen("network", day=51)),
            case(seen=seen("network", day=50)),
            {"users": 51, "limit": 50},
        ),
        (
            "users_per_network_30d",
            case(seen=seen("network", month=251)),
            case(seen=seen("network", month=250)),
            {"users": 251, "limit": 250},
        ),
        (
            "users_per_device_24h",
            case(seen=seen("device", day=2)),
            case(seen=seen("device", day=1)),
            {"users": 2, "limit": 1},
        ),
        (
            "users_per_device_30d",
            case(seen=seen("device", month=3)),
            case(seen=seen("device", month=2)),
            {"users": 3, "limit": 2},
        ),
        (
            "users_per_email",
            case(seen=SignalSeen("c", "email", 1, 1, 1, 0, 2)),
            case(seen=SignalSeen("c", "email", 1, 1, 1, 0, 1)),
            {"users": 2, "limit": 1},
        ),
        (
            "ring",
            case(seen=seen("pair", month=2)),
            case(seen=seen("pair", month=1)),
            {"users": 2, "limit": 1},
        ),
        (
            "ring_by_device",
            case(seen=seen("device", 1, 2, 2, 2)),
            case(seen=seen("device", 1, 2, 2, 1)),
            {"insiders": 2, "users": 2, "codes": 2, "limit": 1},
        ),
        (
            "ring_by_ip",
            case(seen=seen("ip", 3, 3, 3, 3)),
            case(seen=seen("ip", 3, 3, 3, 2)),
            {"insiders": 3, "users": 3, "codes": 3, "limit": 2},
        ),
        (
            "fast_signup",
            case(touch_time=NOON - 10 * SECOND + 1),
            case(touch_time=NOON - 10 * SECOND),
            {"took_ms": 9_999, "limit_ms": 10_000},
        ),
        (
            "fast_purchase",
            bought(signed_up_at=NOON - 30 * SECOND + 1),
            bought(signed_up_at=NOON - 30 * SECOND),
            {"took_ms": 29_999, "limit_ms": 30_000},
        ),
        (
            "clock_ahead",
            case(received_at=NOON - 5 * MINUTE - 1),
            case(received_at=NOON - 5 * MINUTE),
            {"ahead_ms": 300_001, "limit_ms": 300_000},
        ),
        (
            "clock_behind",
            case(received_at=NOON + 90 * DAY + 1),
            case(received_at=NOON + 90 * DAY),
            {"behind_ms": 90 * DAY + 1, "limit_ms": 90 * DAY},
        ),
        (
            "backdated",
            case(touch=(moment("9d 09:05") + 1, "publishable")),
            case(touch=(moment("9d 09:05"), "publishable")),
            {"late_ms": 300_001, "limit_ms": 300_000},
        ),
        (
            "burst",
            case(hours=claims_at(NOON - 24 * HOUR, *(NOON + nth for nth in range(19)))),
            case(hours=claims_at(NOON - 24 * HOUR, *(NOON + nth for nth in range(18)))),
            {"in_this_hour": 20, "before": 1, "hours_before": 24, "limit": 10},
        ),
        (
            "blocked",
            case(lists=(listed("user", "owner", reason="farm"),)),
            case(lists=(listed("user", "somebody"), listed("code", "owner"))),
            {"subject": "user", "value": "owner", "by": "ann", "reason": "farm"},
        ),
        (
            "allowed",
            case(lists=(listed("ip", "i", "allow"),), ip_hash="i"),
            case(lists=(listed("ip", "i", "allow", expires_at=NOON),), ip_hash="i"),
            {"subject": "ip", "value": "i", "by": "ann"},
        ),
    ],
)
def test_evidence_is_found_from_its_limit_on(
    reason: str, guilty: Case, innocent: Case, figures: Figures
) -> None:
    assert found(guilty) == {reason: figures}
    assert found(innocent) == {}


def test_a_typed_code_has_no_click_to_be_fast_after() -> None:
    assert found(case(basis=Basis.TYPED_CODE, touch_time=NOON)) == {}
    assert found(case(basis=Basis.FIRST_TOUCH, touch_time=NOON)).keys() == {
        "fast_signup",
        "instant_signup",
    }


def test_steps_of_haste_add_up() -> None:
    def hasty(took: int) -> dict[str, Figures]:
        return found(case(touch_time=NOON - took))

    assert hasty(3 * SECOND).keys() == {"fast_signup"}
    assert hasty(3 * SECOND - 1)["instant_signup"] == {"took_ms": 2_999, "limit_ms": 3_000}


def test_steps_of_a_crowd_on_one_device_add_up() -> None:
    known, many = "users_per_device_30d", "many_per_device_30d"
    assert found(case(seen=seen("device", month=7))).keys() == {known}
    crowd = found(case(seen=seen("device", month=8)))
    assert crowd == {known: {"users": 8, "limit": 2}, many: {"users": 8, "limit": 7}}


def test_steps_of_a_crowd_in_one_browser_add_up() -> None:
    day, month, many = (
        "users_per_visitor_24h",
        "users_per_visitor_30d",
        "many_per_visitor_30d",
    )
    assert found(case(seen=seen("visitor", day=2, month=2))).keys() == {day}
    assert found(case(seen=seen("visitor", month=7))).keys() == {month}
    crowd = found(case(seen=seen("visitor", day=8, month=8)))
    figures = {"users": 8, "limit": 7}
    assert crowd == {day: figures | {"limit": 1}, month: figures | {"limit": 2}, many: figures}


def test_a_device_that_shows_as_many_users_speaks_for_its_browser() -> None:
    browser, device = seen("visitor", day=8, month=8), seen("device", day=1, month=3)
    both = msgspec.structs.replace(case(), seen={"visitor": browser, "device": device})
    assert found(both).keys() == {
        "users_per_device_30d",
        "users_per_visitor_24h",
        "many_per_visitor_30d",
    }


def test_the_owner_s_browser_holds_and_a_family_in_it_is_not_rejected() -> None:
    at_home = {"owner_ip_hash": "k:home", "owner_user_id": "amy"}
    family = seen("visitor", day=7, month=7, insiders=1)
    claim = case(facts=at_home, seen=family, ip_hash="home")
    assert found(claim) == {"same_browser_as_owner": {"owner": "amy"}}
    assert judge((), gather(claim, Fraud()), Fraud()).verdict == Verdict.HOLD
    crowd = case(facts=at_home, seen=seen("visitor", day=8, month=8, insiders=1), ip_hash="home")
    assert found(crowd).keys() == {"same_browser_as_owner", "many_per_visitor_30d"}
    assert judge((), gather(crowd, Fraud()), Fraud()).verdict == Verdict.REJECT


def test_the_owner_s_device_speaks_for_the_owner_s_browser() -> None:
    facts = {"owner_device_hash": "k:phone", "owner_ip_hash": "k:home"}
    shown = case(facts=facts, seen=seen("visitor", insiders=1), device_hash="phone", ip_hash="home")
    assert found(shown).keys() == {"owner_device"}


def test_a_household_that_shares_a_browser_is_not_suspected_for_its_address() -> None:
    facts = {"owner_ip_hash": "k:home"}
    alone = case(facts=facts, seen=seen("visitor"), ip_hash="home")
    assert found(alone).keys() == {"owner_ip"}
    two = case(facts=facts, seen=seen("visitor", day=2, month=2), ip_hash="home")
    assert found(two).keys() == {"users_per_visitor_24h"}


def test_a_family_at_one_computer_makes_no_code_suspicious() -> None:
    family = gather(case(seen=seen("visitor", day=7, month=7)), Fraud())
    assert sum(item.weight for item in family) == 60
    assert not is_suspicious(family)
    device = gather(case(seen=seen("device", day=7, month=7)), Fraud())
    assert is_suspicious(device)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (Claims(1, 1), None),
        (Claims(2, 1), None),
        (Claims(2, 2), {"suspicious": 2, "claims": 2, "limit_percent": 50}),
        (Claims(6, 3), None),
        (Claims(7, 4), {"suspicious": 4, "claims": 7, "limit_percent": 50}),
    ],
)
def test_a_code_is_suspicious_when_most_claims_under_it_were(
    claims: Claims, expected: Figures | None
) -> None:
    assert found(case(claims=claims)).get("suspicious_code") == expected


def test_steps_of_the_amount_add_up() -> None:
    """The median of orders of 40 may be reported as up to an eighth more."""
    for times, steps in ((4.9, 0), (6, 1), (9.9, 1), (12, 2), (19, 2), (23, 3)):
        order = bought(amount_micros=int(times * 40 * UNIT), currency="USD", amounts=usual_orders())
        names = ["amount_5x", "amount_10x", "amount_20x"]
        assert list(found(order)) == names[:steps], times


def test_an_amount_is_not_compared_with_other_currencies_or_with_few_orders() -> None:
    huge: dict[str, Any] = {"amount_micros": 10_000 * UNIT, "currency": "USD"}
    assert len(found(bought(amounts=usual_orders(20), **huge))) == 3
    assert found(bought(amounts=usual_orders(19), **huge)) == {}
    euro = huge | {"currency": "EUR"}
    assert found(bought(amounts=usual_orders(20), **euro)) == {}


def test_a_busy_code_bursts_later_than_a_quiet_one() -> None:
    """Four claims in each of the 72 hours before: forty in an hour are usual enough."""
    before = [NOON - hour * HOUR for hour in range(1, 73) for _ in range(4)]
    for now, is_burst in ((39, False), (40, True)):
        hours = claims_at(*before, *([NOON] * now))
        assert ("burst" in found(case(hours=hours))) is is_burst


def test_a_code_in_use_for_less_than_a_day_has_no_bursts() -> None:
    hours = claims_at(NOON - 23 * HOUR, *([NOON] * 500))
    assert found(case(hours=hours)) == {}


@pytest.mark.parametrize(
    ("facts", "key", "figures"),
    [
        (
            {"owner_email_hash": "k1:e"},
            "k2",
            {"owner": "k1", "claim": "k2"},
        ),
        (
            {"owner_email_hash": "k1:e", "owner_device_hash": "k2:d"},
            "k2",
            {"owner": "k1", "claim": "k2"},
        ),
        ({"owner_email_hash": "k2:e"}, "k2", None),
        ({"owner_email_hash": "k2:e k1:f"}, "k2", None),
        ({"owner_email_hash": "k2:e k1:f"}, "k1", None),
        ({"owner_email_hash": "k2:e k1:f"}, "k3", {"owner": "k1, k2", "claim": "k3"}),
        (
            {"owner_email_hash": "k2:e k1:f", "owner_device_hash": "k0:d"},
            "k2",
            {"owner": "k0", "claim": "k2"},
        ),
        ({"owner_email_hash": "e"}, "k2", None),
        ({"owner_email_hash": None}, "k2", None),
        ({"owner_email_hash": "k1:e"}, None, None),
    ],
)
def test_owners_that_can_t_be_compared_are_told_of(
    facts: dict[str, Any], key: str | None, figures: Figures | None
) -> None:
    looked_at = case(facts=facts, email_hash="other", hash_key_id=key)
    assert found(looked_at).get("owner_hashed_otherwise") == figures


@pytest.mark.parametrize(("signup_key", "is_said"), [("k2", True), ("k1", False), (None, False)])
def test_a_server_s_purchase_is_compared_by_its_signup(
    signup_key: str | None, is_said: bool
) -> None:
    signup = Signals(email_hash="other", hash_key_id=signup_key)
    looked_at = case(facts={"owner_email_hash": "k1:e"}, others=(signup,))
    assert ("owner_hashed_otherwise" in found(looked_at)) is is_said


def test_a_signup_from_before_the_change_of_the_key_still_shows_the_owner() -> None:
    """The purchase after it has no signals, and the owner was hashed anew meanwhile."""
    signup = Signals(device_hash="d1", email_hash="e1", hash_key_id="k1")
    touch = Signals(ip_hash="i1")
    facts = {
        "owner_device_hash": "k2:d2 k1:d1",
        "owner_email_hash": "k2:e2 k1:e1",
        "owner_ip_hash": "k2:i2 k1:i1",
    }
    shown = found(case(facts=facts, others=(signup, touch)))
    assert {"owner_device", "owner_email", "owner_ip"} <= shown.keys()
    assert shown["owner_email"] == {"email": "e1"}
    assert "owner_hashed_otherwise" not in shown


@pytest.mark.parametrize("held", ["e", "k1:e"])
def test_an_owner_is_recognised_with_or_without_the_key_s_name(held: str) -> None:
    same = case(facts={"owner_email_hash": held}, email_hash="e", hash_key_id="k1")
    assert found(same)["owner_email"] == {"email": "e"}

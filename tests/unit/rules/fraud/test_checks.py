"""Each piece of evidence: when it applies, when it just doesn't, and what it tells."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from reftrail.contracts.decisions import Action, Basis, Claimed
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.policy import Fraud
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, SECOND
from reftrail.engine.reference import ReferenceTables
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours, with_amount, with_claim
from reftrail.rules.fraud.case import Case, Figures, Signals, SignalSeen
from reftrail.rules.fraud.checks import CHECKS, REASONS
from reftrail.rules.fraud.scoring import gather
from reftrail.testing import claimed, code, moment

UNIT = MICROS_PER_UNIT
NOON = moment("9d 12:00")
NO_HOURS, NO_AMOUNTS, NO_CLAIMS = Hours(), Amounts(), Claims()


def case(
    *,
    facts: Mapping[str, Any] | None = None,
    seen: SignalSeen | None = None,
    hours: Hours = NO_HOURS,
    amounts: Amounts = NO_AMOUNTS,
    claims: Claims = NO_CLAIMS,
    lists: tuple[Listed, ...] = (),
    others: tuple[Signals, ...] = (),
    touch: tuple[int, str] | None = None,
    **told: Any,
) -> Case:
    """A claim of which only what is told could be evidence.

    others are the signals of the signup and the touch, touch says when that came in under which
    kind of key.
    """
    action = told.pop("action", Action.SIGNUP)
    claim = claimed(action, "AMY", "9d 12:00", **({"touch_time": moment("9d 09:00")} | told))
    record = claim.but(signed_up_at=told.get("signed_up_at", NOON)).record()
    assert isinstance(record, Claimed)
    received_at, key_kind = touch or (None, None)
    own = Signals(
        record.device_hash,
        record.ip_hash,
        record.network_hash,
        record.email_hash,
        record.email_disposable,
    )
    return Case(
        claim=record,
        code=code("AMY", **(facts or {})),
        seen={} if seen is None else {seen.kind: seen},
        hours=hours,
        amounts=amounts,
        claims=claims,
        listed=ReferenceTables(lists).listed,
        signals=(own, *others),
        touch_received_at=received_at,
        touch_key_kind=key_kind,
    )


def found(in_case: Case) -> dict[str, Figures]:
    return {one.reason: one.figures for one in gather(in_case, Fraud())}


def listed(subject: str, value: str, listing: str = "block", **told: Any) -> Listed:
    return Listed(
        event_id="l",
        event_time=0,
        received_at=0,
        subject=subject,
        value=value,
        listing=listing,
        actor="ann",
        **told,
    )


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


def seen(kind: str, day: int = 1, month: int = 1, codes: int = 1, insiders: int = 0) -> SignalSeen:
    return SignalSeen("c", kind, day, month, codes, insiders)


def bought(**told: Any) -> Case:
    fields: dict[str, Any] = {
        "action": Action.PURCHASE,
        "signed_up_at": moment("9d 10:00"),
        "order_id": "o",
    }
    return case(**(fields | told))


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
    """The median of orders of 40 may be told as up to an eighth more."""
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


def test_a_policy_sets_weights_and_limits_and_leaves_reasons_out() -> None:
    fast = case(touch_time=NOON - 15 * SECOND, email_disposable=True)
    stricter = Fraud(weights={"disposable_email": 0}, limits={"fast_signup": 20 * SECOND})
    (evidence,) = gather(fast, stricter)
    assert (evidence.reason, evidence.weight) == ("fast_signup", 35)
    assert [one.weight for one in gather(fast, Fraud(weights={"disposable_email": 7}))] == [7]


def test_every_check_tells_its_default_weight_and_limit_in_its_docstring() -> None:
    for check in CHECKS:
        told = check.find.__doc__ or ""
        assert re.search(rf"Weight {check.weight}\b", told), check.reason
        assert ("decisive" in told) >= check.decisive, check.reason
        if check.unit:
            assert re.search(rf"limit {check.limit} {check.unit[:4]}", told), check.reason


def test_every_check_is_named_like_its_function() -> None:
    assert [check.find.__name__ for check in CHECKS] == [check.reason for check in CHECKS]
    assert len(REASONS) == len(CHECKS)

"""Settings of checks: by policy, by default, and what their docstrings say."""

import re

import pytest
from support.fraud_cases import NOON, case, seen

from reftrail.contracts.policy import Fraud
from reftrail.contracts.record import SECOND
from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.fraud.checks import CHECKS, REASONS
from reftrail.rules.fraud.scoring import gather
from reftrail.rules.velocity import MOST_SEEN


def test_a_policy_sets_weights_and_limits_and_leaves_reasons_out() -> None:
    fast = case(touch_time=NOON - 15 * SECOND, email_disposable=True)
    stricter = Fraud(weights={"disposable_email": 0}, limits={"fast_signup": 20 * SECOND})
    (evidence,) = gather(fast, stricter)
    assert (evidence.reason, evidence.weight) == ("fast_signup", 35)
    assert [item.weight for item in gather(fast, Fraud(weights={"disposable_email": 7}))] == [7]


def test_every_check_tells_its_default_weight_and_limit_in_its_docstring() -> None:
    for check in CHECKS:
        reported = check.find.__doc__ or ""
        assert re.search(rf"Weight {check.weight}\b", reported), check.reason
        assert ("decisive" in reported) >= check.decisive, check.reason
        if check.unit:
            assert re.search(rf"limit {check.limit} {check.unit[:4]}", reported), check.reason


def test_every_check_is_named_like_its_function() -> None:
    assert [check.find.__name__ for check in CHECKS] == [check.reason for check in CHECKS]
    assert len(REASONS) == len(CHECKS)


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("users_per_ip_24h", seen("ip", day=MOST_SEEN)),
        ("users_per_network_30d", seen("network", month=MOST_SEEN)),
        ("users_per_email", SignalSeen("c", "email", 1, 1, 1, users_365d=MOST_SEEN)),
    ],
)
def test_a_count_that_ends_is_above_any_limit(reason: str, answer: SignalSeen) -> None:
    """Users beyond the last that is remembered aren't counted, so no limit can lie there."""
    fraud = Fraud(limits={reason: 2 * MOST_SEEN})
    assert [item.reason for item in gather(case(seen=answer), fraud)] == [reason]


def test_a_check_about_a_signal_finds_nothing_without_an_answer_about_that() -> None:
    """So `gather` needn't ask it."""
    kinds = {check.about for check in CHECKS} - {""}
    for check in CHECKS:
        for kind in kinds - {check.about} if check.about else ():
            other = seen(kind, day=MOST_SEEN, month=MOST_SEEN, codes=MOST_SEEN, insiders=MOST_SEEN)
            assert check.find(case(seen=other), check.limit) is None, (check.reason, kind)

"""Settings of checks: by policy, by default, and what their docstrings say."""

import re

from support.fraud_cases import (
    NOON,
    case,
)

from reftrail.contracts.policy import Fraud
from reftrail.contracts.record import SECOND
from reftrail.rules.fraud.checks import CHECKS, REASONS
from reftrail.rules.fraud.scoring import gather


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

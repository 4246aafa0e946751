"""Sums of evidence."""

import json

import pytest

from reftrail.contracts.policy import Fraud
from reftrail.rules.fraud.case import Evidence
from reftrail.rules.fraud.scoring import Verdict, evidence_text, judge

RULE = Evidence("code_expired", 100, {"expired_at": 5})


def fast(weight: int) -> Evidence:
    return Evidence("fast_signup", weight, {"took_ms": 9})


@pytest.mark.parametrize(
    ("weight", "verdict"),
    [
        (0, Verdict.GRANT),
        (55, Verdict.GRANT),
        (56, Verdict.HOLD),
        (69, Verdict.HOLD),
        (70, Verdict.REJECT),
    ],
)
def test_the_score_decides(weight: int, verdict: Verdict) -> None:
    judgement = judge([], [fast(weight)], Fraud())
    assert (judgement.verdict, judgement.score) == (verdict, weight)
    assert judgement.reasons == ([] if verdict == Verdict.GRANT else ["fast_signup"])


def test_weights_add_up_and_the_policy_draws_the_lines() -> None:
    found = [fast(20), Evidence("burst", 25, {})]
    assert judge([], found, Fraud()).verdict == Verdict.GRANT
    assert judge([], found, Fraud(grant_up_to=44)).verdict == Verdict.HOLD
    assert judge([], found, Fraud(grant_up_to=9, reject_from=45)).verdict == Verdict.REJECT


def test_a_broken_rule_rejects_whatever_the_policy_says() -> None:
    lenient = Fraud(grant_up_to=1_000, reject_from=2_000, weights={"code_expired": 0})
    assert judge([RULE], [], lenient).verdict == Verdict.REJECT


def test_what_is_decisive_rejects_at_any_score() -> None:
    assert judge([], [fast(1)], Fraud()).verdict == Verdict.GRANT
    assert judge([], [fast(1)], Fraud(decisive=["fast_signup"])).verdict == Verdict.REJECT
    own = Evidence("self_referral", 1, {})
    assert judge([], [own], Fraud(reject_from=1_000, grant_up_to=999)).verdict == Verdict.REJECT


def test_an_allow_list_takes_the_weight_off_all_but_what_is_decisive() -> None:
    allowed = Evidence("allowed", 0, {"subject": "user"})
    judgement = judge([], [fast(90), allowed], Fraud())
    assert (judgement.verdict, judgement.score) == (Verdict.GRANT, 0)
    assert [item.weight for item in judgement.evidence] == [0, 0]
    own = Evidence("self_referral", 100, {})
    assert judge([], [own, allowed], Fraud()).verdict == Verdict.REJECT
    assert judge([], [fast(9), allowed], Fraud(decisive=["fast_signup"])).score == 9
    assert judge([RULE], [allowed], Fraud()).verdict == Verdict.REJECT


def test_evidence_is_told_as_json_and_not_at_all_where_there_is_none() -> None:
    assert evidence_text([]) is None
    reported = evidence_text([fast(35)])
    assert reported is not None
    assert json.loads(reported) == [
        {"reason": "fast_signup", "weight": 35, "figures": {"took_ms": 9}}
    ]

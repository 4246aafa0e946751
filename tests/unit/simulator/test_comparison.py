"""A comparison that sees no difference is worth something only if it sees each that there is."""

from dataclasses import replace

import pytest

from reftrail.simulator import (
    Attribution,
    FinalStatus,
    Limit,
    Observed,
    RewardKey,
    Simulation,
    Truth,
    compare,
    observed_verdict,
)

CLICKS = ("clicks", "AMY")
FUNNEL: dict[tuple[str, str | None], int] = {
    CLICKS: 3,
    ("attributed", "AMY"): 1,
    ("rewards_granted", "AMY"): 1,
}
USER = "user-1"
TOUCHED = Attribution("AMY", "first_touch", "e1", 1_000)
KEY = RewardKey("AMY", USER, "referee")
GRANTED = FinalStatus("granted")


@pytest.fixture
def truth() -> Truth:
    truth = Truth(Simulation(1, 1, 1_760_000_000_000).programme)
    truth.distinct = truth.counts[CLICKS] = 3
    truth.counts["attributed", "AMY"] = 1
    truth.fingerprint = 77
    truth.attributions[USER] = TOUCHED
    truth.rewards[KEY] = GRANTED
    return truth


RIGHT = Observed(3, 77, FUNNEL, [(USER, TOUCHED)], [(KEY, GRANTED)])


def test_nothing_to_tell_where_all_is_right(truth: Truth) -> None:
    result = compare(truth, RIGHT)
    assert result.is_equal
    assert (result.lost, result.doubled) == (0, 0)
    assert (result.attributions_right, result.rewards_right) == (1, 1)


@pytest.mark.parametrize(("clicks", "lost", "doubled"), [(2, 1, 0), (5, 0, 2), (0, 3, 0)])
def test_lost_and_doubled_events(truth: Truth, clicks: int, lost: int, doubled: int) -> None:
    result = compare(truth, replace(RIGHT, funnel=FUNNEL | {CLICKS: clicks}))
    assert (result.lost, result.doubled, result.is_equal) == (lost, doubled, False)


def test_a_wrong_count_in_a_report_that_loses_no_event(truth: Truth) -> None:
    result = compare(truth, replace(RIGHT, funnel=FUNNEL | {("rewards_granted", "AMY"): 2}))
    assert (result.lost, result.doubled, result.is_equal) == (0, 0, False)


def test_an_event_that_never_came_to_the_topic(truth: Truth) -> None:
    result = compare(truth, replace(RIGHT, distinct=2, fingerprint=70))
    assert (result.lost, result.is_equal) == (1, False)


def test_other_events_than_were_sent(truth: Truth) -> None:
    assert not compare(truth, replace(RIGHT, fingerprint=78)).is_equal


@pytest.mark.parametrize(
    "found",
    [
        [],
        [(USER, TOUCHED)] * 2,
        [(USER, TOUCHED._replace(code="BOB"))],
        [(USER, TOUCHED), ("user-2", TOUCHED)],
    ],
    ids=["missing", "twice", "another code", "another user"],
)
def test_wrong_attributions(truth: Truth, found: list[tuple[str, Attribution]]) -> None:
    assert len(compare(truth, replace(RIGHT, attributions=found)).differences) == 1


@pytest.mark.parametrize(
    "found",
    [
        [],
        [(KEY, GRANTED)] * 2,
        [(KEY, FinalStatus("rejected", ("self_referral",)))],
        [(KEY, GRANTED), (KEY, FinalStatus("reversed"))],
        [(KEY, FinalStatus("rejected", ("code_used_up",)))],
        [(KEY, GRANTED), (KEY._replace(role="referrer"), GRANTED)],
    ],
    ids=["missing", "twice", "rejected", "reversed", "no limit", "another role"],
)
def test_wrong_rewards(truth: Truth, found: list[tuple[RewardKey, FinalStatus]]) -> None:
    assert len(compare(truth, replace(RIGHT, entries=found)).differences) == 1


def test_of_a_limited_code_any_users_may_earn_but_not_more_and_not_fewer(truth: Truth) -> None:
    other = KEY._replace(user_id="user-2")
    truth.rewards[other] = GRANTED
    truth.limits["AMY"] = Limit(1, {USER, "user-2"})
    used_up = observed_verdict("rejected", ["code_used_up"])
    for first, second in ((KEY, other), (other, KEY)):
        entries = [(first, GRANTED), (second, used_up)]
        assert compare(truth, replace(RIGHT, entries=entries)).is_equal
    for wrong in ([(KEY, GRANTED), (other, GRANTED)], [(KEY, used_up), (other, used_up)]):
        assert not compare(truth, replace(RIGHT, entries=wrong)).is_equal


def test_who_was_refunded_before_the_signup_came_leaves_the_place_of_a_limit(truth: Truth) -> None:
    other = KEY._replace(user_id="user-2")
    truth.rewards = {KEY: FinalStatus("reversed"), other: GRANTED}
    truth.limits["AMY"] = Limit(1, {USER, "user-2"}, unsure={USER})
    used_up = observed_verdict("rejected", ["code_used_up"])
    earned_first = [(KEY, GRANTED), (KEY, FinalStatus("reversed"))]
    for entries in ([*earned_first, (other, used_up)], [(other, GRANTED)]):
        assert compare(truth, replace(RIGHT, entries=entries)).is_equal
    for wrong in ([], [(other, used_up)], [*earned_first, (other, GRANTED)]):
        assert not compare(truth, replace(RIGHT, entries=wrong)).is_equal


def test_an_order_that_was_paid_back_before_the_signup_came_need_not_be_decided_on(
    truth: Truth,
) -> None:
    counts = {cell: count for cell, count in FUNNEL.items() if cell[0] != "rewards_granted"}
    inactive = FinalStatus("rejected", ("code_inactive",))
    for verdict in (inactive, FinalStatus("reversed")):
        truth.rewards = {KEY: verdict}
        none = replace(RIGHT, funnel=counts, entries=[])
        truth.paid_back = set()
        assert not compare(truth, none).is_equal
        truth.paid_back = {KEY}
        assert compare(truth, none).is_equal
    truth.rewards = {KEY: inactive}
    assert compare(truth, replace(RIGHT, funnel=counts, entries=[(KEY, inactive)])).is_equal
    assert not compare(truth, replace(RIGHT, entries=[(KEY, GRANTED)])).is_equal


def test_a_limit_whose_only_user_was_refunded_may_be_left_unused(truth: Truth) -> None:
    truth.rewards = {KEY: FinalStatus("reversed")}
    truth.limits["AMY"] = Limit(1, {USER}, unsure={USER})
    counts = {cell: count for cell, count in FUNNEL.items() if cell[0] != "rewards_granted"}
    assert compare(truth, replace(RIGHT, funnel=counts, entries=[])).is_equal
    entries = [(KEY, GRANTED), (KEY, FinalStatus("reversed"))]
    assert compare(truth, replace(RIGHT, entries=entries)).is_equal
    twice = replace(RIGHT, funnel=FUNNEL, entries=[*entries, *entries])
    assert not compare(truth, twice).is_equal


def test_used_up_beside_a_lasting_reason_is_not_another_verdict() -> None:
    assert observed_verdict("rejected", ["self_referral", "code_used_up"]) == FinalStatus(
        "rejected", ("self_referral",)
    )
    assert observed_verdict("reversed", ["refunded"]) == FinalStatus("reversed")

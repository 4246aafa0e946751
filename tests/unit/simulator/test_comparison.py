"""A comparison that sees no difference is worth something only if it sees each that there is."""

from dataclasses import replace

import pytest

from reftrail.simulator import (
    Attribution,
    Booking,
    Entry,
    FinalStatus,
    Limit,
    Observed,
    RewardKey,
    Simulation,
    Truth,
    compare,
    observed_verdict,
)
from reftrail.simulator.final_status import Amount
from reftrail.simulator.programme import PARTNERS

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


RIGHT = Observed(3, 77, FUNNEL, [(USER, TOUCHED)], [Entry(KEY, GRANTED)])


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
        [Entry(KEY, GRANTED)] * 2,
        [Entry(KEY, FinalStatus("rejected", ("self_referral",)))],
        [Entry(KEY, GRANTED), Entry(KEY, FinalStatus("reversed"))],
        [Entry(KEY, FinalStatus("rejected", ("code_used_up",)))],
        [Entry(KEY, GRANTED), Entry(KEY._replace(role="referrer"), GRANTED)],
    ],
    ids=["missing", "twice", "rejected", "reversed", "no limit", "another role"],
)
def test_wrong_rewards(truth: Truth, found: list[Entry]) -> None:
    assert len(compare(truth, replace(RIGHT, entries=found)).differences) == 1


def test_of_a_limited_code_any_users_may_earn_but_not_more_and_not_fewer(truth: Truth) -> None:
    other = KEY._replace(user_id="user-2")
    truth.rewards[other] = GRANTED
    truth.limits["AMY"] = Limit(1, {USER, "user-2"})
    used_up = observed_verdict("rejected", ["code_used_up"])
    for first, second in ((KEY, other), (other, KEY)):
        entries = [Entry(first, GRANTED), Entry(second, used_up)]
        assert compare(truth, replace(RIGHT, entries=entries)).is_equal
    for wrong in (
        [Entry(KEY, GRANTED), Entry(other, GRANTED)],
        [Entry(KEY, used_up), Entry(other, used_up)],
    ):
        assert not compare(truth, replace(RIGHT, entries=wrong)).is_equal


BY_HAND = KEY._replace(action="adjustment:A1")
HELD, BOOKED = (FinalStatus("held"), FinalStatus("adjusted"))


def by_hand(*statuses: FinalStatus, effect: int = 7, currency: str = "USD") -> list[Entry]:
    """Entries of an adjustment, of which one that is booked has an effect."""
    return [
        Entry(BY_HAND, status, effect if status == BOOKED else 0, currency) for status in statuses
    ]


@pytest.mark.parametrize(
    "found",
    [
        [],
        by_hand(BOOKED),
        by_hand(HELD),
        by_hand(HELD, BOOKED, BOOKED),
        by_hand(HELD, BOOKED, effect=8),
        by_hand(HELD, BOOKED, currency="EUR"),
        by_hand(HELD, FinalStatus("rejected", ("declined", "goodwill"))),
        [entry._replace(key=KEY) for entry in by_hand(HELD, BOOKED)],
        [*by_hand(HELD, BOOKED), Entry(BY_HAND._replace(action="adjustment:A2"), BOOKED, 7)],
    ],
    ids=[
        "missing",
        "not held",
        "not approved",
        "twice",
        "another amount",
        "another currency",
        "declined",
        "a reward",
        "another one",
    ],
)
def test_wrong_adjustments(truth: Truth, found: list[Entry]) -> None:
    truth.by_hand[BY_HAND] = Booking((HELD, BOOKED), "USD", 7)
    right = [Entry(KEY, GRANTED), *by_hand(HELD, BOOKED)]
    result = compare(truth, replace(RIGHT, entries=right))
    assert result.is_equal
    assert (result.adjustments_right, result.adjustments) == (1, 1)
    result = compare(truth, replace(RIGHT, entries=[Entry(KEY, GRANTED), *found]))
    assert result.differences


def test_the_reports_sums_have_the_adjustments(truth: Truth) -> None:
    truth.by_hand[BY_HAND] = Booking((BOOKED,), "USD", 7)
    entries = [Entry(KEY, GRANTED, currency="USD"), *by_hand(BOOKED)]
    for micros in (7, 0):
        observed = replace(RIGHT, entries=entries, paid={("AMY", "USD"): micros})
        assert compare(truth, observed).is_equal is (micros == 7)


def test_who_was_refunded_before_the_signup_came_leaves_the_place_of_a_limit(truth: Truth) -> None:
    other = KEY._replace(user_id="user-2")
    truth.rewards = {KEY: FinalStatus("reversed"), other: GRANTED}
    truth.limits["AMY"] = Limit(1, {USER, "user-2"}, unsure={USER})
    used_up = observed_verdict("rejected", ["code_used_up"])
    earned_first = [Entry(KEY, GRANTED), Entry(KEY, FinalStatus("reversed"))]
    for entries in ([*earned_first, Entry(other, used_up)], [Entry(other, GRANTED)]):
        assert compare(truth, replace(RIGHT, entries=entries)).is_equal
    for wrong in ([], [Entry(other, used_up)], [*earned_first, Entry(other, GRANTED)]):
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
    assert compare(truth, replace(RIGHT, funnel=counts, entries=[Entry(KEY, inactive)])).is_equal
    assert not compare(truth, replace(RIGHT, entries=[Entry(KEY, GRANTED)])).is_equal


def test_a_limit_whose_only_user_was_refunded_may_be_left_unused(truth: Truth) -> None:
    truth.rewards = {KEY: FinalStatus("reversed")}
    truth.limits["AMY"] = Limit(1, {USER}, unsure={USER})
    counts = {cell: count for cell, count in FUNNEL.items() if cell[0] != "rewards_granted"}
    assert compare(truth, replace(RIGHT, funnel=counts, entries=[])).is_equal
    entries = [Entry(KEY, GRANTED), Entry(KEY, FinalStatus("reversed"))]
    assert compare(truth, replace(RIGHT, entries=entries)).is_equal
    twice = replace(RIGHT, funnel=FUNNEL, entries=[*entries, *entries])
    assert not compare(truth, twice).is_equal


def test_used_up_beside_a_lasting_reason_is_not_another_verdict() -> None:
    assert observed_verdict("rejected", ["self_referral", "code_used_up"]) == FinalStatus(
        "rejected", ("self_referral",)
    )
    assert observed_verdict("reversed", ["refunded"]) == FinalStatus("reversed")


SHARE = Amount("EUR", {"20": 2_000, "25": 2_500})


def earned(effect: int, rate: str = "20", user: str = USER) -> Entry:
    status = GRANTED if effect > 0 else FinalStatus("reversed")
    return Entry(KEY._replace(user_id=user), status, effect, "EUR", rate)


@pytest.fixture
def share(truth: Truth) -> Truth:
    """A truth in which the reward is a share, of which only the sum is known."""
    truth.amounts[KEY] = SHARE
    truth.by_sum.add(KEY)
    return truth


@pytest.mark.parametrize("rate", ["20", "25"])
def test_of_a_share_the_sum_of_its_entries_counts_by_its_rate(share: Truth, rate: str) -> None:
    worth = SHARE.by_variant[rate]
    for entries in ([earned(worth, rate)], [earned(worth + 7, rate), earned(-7, rate)]):
        assert compare(share, replace(RIGHT, entries=entries)).is_equal
    for entries in ([earned(worth + 1, rate)], [earned(worth, "30")], [earned(worth, rate)] * 2):
        assert compare(share, replace(RIGHT, entries=entries)).rewards_right == 0


def test_a_share_in_another_currency_is_wrong(share: Truth) -> None:
    entry = earned(2_000)._replace(currency="USD")
    assert not compare(share, replace(RIGHT, entries=[entry])).is_equal


def test_a_referral_has_one_rate(share: Truth) -> None:
    other = KEY._replace(action="purchase:2")
    share.rewards[other], share.amounts[other] = GRANTED, SHARE
    share.by_sum.add(other)
    counts = {**FUNNEL, ("rewards_granted", "AMY"): 2}
    for rate, is_right in (("20", True), ("25", False)):
        second = earned(SHARE.by_variant[rate], rate)._replace(key=other)
        observed = replace(RIGHT, funnel=counts, entries=[earned(2_000), second])
        assert compare(share, observed).is_equal == is_right


def test_merged_accounts_are_one_person(share: Truth) -> None:
    share.people = {USER: USER, "guest": USER}
    share.ended = {("AMY", USER), ("BOB", USER)}
    ended = [earned(900, user="guest"), earned(-900, user="guest")]
    under_bob = [entry._replace(key=entry.key._replace(code="BOB")) for entry in ended]
    counts = {**FUNNEL, ("rewards_granted", "BOB"): 1}
    observed = replace(RIGHT, funnel=counts, entries=[earned(2_000), *under_bob])
    assert compare(share, observed).is_equal
    guests = [("guest", TOUCHED)]
    assert compare(share, replace(observed, attributions=guests)).is_equal
    both = replace(observed, attributions=[*guests, (USER, TOUCHED)])
    assert not compare(share, both).is_equal
    kept = replace(observed, entries=[earned(2_000), under_bob[0]])
    assert not compare(share, kept).is_equal


def test_of_two_accounts_with_one_address_one_earns(truth: Truth) -> None:
    other = KEY._replace(user_id="user-2")
    truth.rewards[other] = GRANTED
    truth.rivals = [frozenset({USER, "user-2"})]
    refused = FinalStatus("rejected", ("email_of_another",))
    for first, second in ((KEY, other), (other, KEY)):
        entries = [Entry(first, GRANTED), Entry(second, refused)]
        assert compare(truth, replace(RIGHT, entries=entries)).is_equal
    counts = {**FUNNEL, ("rewards_granted", "AMY"): 2}
    both = replace(RIGHT, funnel=counts, entries=[Entry(KEY, GRANTED), Entry(other, GRANTED)])
    neither = replace(RIGHT, entries=[Entry(KEY, refused), Entry(other, refused)])
    for wrong in (both, neither):
        assert not compare(truth, wrong).is_equal


def test_a_report_that_shows_another_sum_than_the_ledger(share: Truth) -> None:
    observed = replace(RIGHT, entries=[earned(2_000)], paid={("AMY", "EUR"): 2_000})
    assert compare(share, observed).is_equal
    assert compare(share, observed).paid == {"EUR": 2_000}
    wrong = compare(share, replace(observed, paid={("AMY", "EUR"): 1_999}))
    assert (wrong.report_differences, wrong.rewards_right) == (1, 1)


@pytest.mark.parametrize(
    ("rates", "is_right"),
    [("20 20 20 20 25", True), ("20 20 20 20 20", True), ("20 25 20 20 25", False)],
)
def test_only_referrals_with_four_others_reach_the_second_tier(rates: str, is_right: bool) -> None:
    truth = Truth(Simulation(1, 1, 1_760_000_000_000).programme)
    code = truth.programme.good_codes[PARTNERS][0]
    entries = []
    for number, rate in enumerate(rates.split()):
        key = RewardKey(code, f"user-{number}", "referrer", "purchase:1")
        truth.rewards[key], truth.amounts[key] = GRANTED, SHARE
        truth.by_sum.add(key)
        entries.append(Entry(key, GRANTED, SHARE.by_variant[rate], "EUR", rate))
    counts: dict[tuple[str, str | None], int] = {("rewards_granted", code): len(entries)}
    result = compare(truth, Observed(0, 0, counts, [], entries))
    assert result.is_equal == is_right
    assert result.rewards_right == len(entries)

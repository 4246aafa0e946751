"""The default policy stops fraudsters and lets honest people be, in seeded towns."""

from functools import cache

import pytest

from reftrail.simulator.fraud import Score, played, score, town_of

SEEDS = (1, 2, 3)
REFERRALS = 700

LEAST_RECALL = [
    ("disposable_email", "ip farm", 0.6),
    ("fast_purchase", "bots", 0.3),
    ("fast_signup", "bots", 0.95),
    ("forged_code", "forged codes", 0.5),
    ("instant_signup", "bots", 0.2),
    ("owner_device", "ring", 0.95),
    ("owner_email", "own code", 0.95),
    ("owner_ip", "private windows", 0.95),
    ("ring", "referred back", 0.95),
    ("ring_by_device", "ring", 0.3),
    ("self_referral", "own code", 0.95),
    ("suspicious_code", "bots", 0.8),
    ("users_per_device_24h", "device farm", 0.85),
    ("users_per_device_30d", "device farm", 0.8),
    ("users_per_ip_24h", "ip farm", 0.8),
    ("users_per_ip_30d", "ip farm", 0.4),
]
"""Of whose rewards a heuristic speaks against at least so large a share."""


@cache
def total() -> Score:
    found = Score()
    for seed in SEEDS:
        town = town_of(seed, REFERRALS)
        score(town.truth, played(town), found)
    return found


def test_the_same_seed_makes_the_same_town() -> None:
    assert town_of(7, 200).events == town_of(7, 200).events != town_of(8, 200).events


def test_the_default_policy_keeps_to_both_bounds() -> None:
    fraud, honest = total().fraudulent(), total().honest()
    assert fraud.stopped >= 0.95 * fraud.rewards > 500
    assert honest.stopped <= 0.01 * honest.rewards


def test_what_is_not_to_be_seen_in_a_claim_is_taken_back() -> None:
    fraud, seen = total().fraudulent(), total().seen_at_claim()
    assert seen.stopped >= 0.98 * seen.rewards
    abuse = fraud.rewards - seen.rewards
    assert fraud.reversed - seen.reversed == abuse > 0


@pytest.mark.parametrize(("heuristic", "whose", "least"), LEAST_RECALL)
def test_a_heuristic_speaks_against_those_that_it_is_for(
    heuristic: str, whose: str, least: float
) -> None:
    (story,) = (one for one in total().stories if one.name == whose)
    spoke = total().reasons[heuristic][story]
    assert spoke >= least * total().stories[story].rewards

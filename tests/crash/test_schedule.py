"""Times of acts: the same for the same seed, spread over time, each as often as wanted."""

from collections import Counter

from crash.schedule import BRIEF, Act, Plan

ACTS = (*[Act.ZOMBIE] * 3, Act.GUEST, *[Act.POISON] * 2, Act.TRUNCATION)


def plan(seed: int = 1) -> Plan:
    return Plan(seed, events=100, seconds=120.0, kills=4, acts=ACTS)


def test_the_same_seed_gives_the_same_acts_and_another_one_others() -> None:
    for brief in (True, False):
        assert plan().acts_of(brief=brief) == plan().acts_of(brief=brief)
        assert plan().acts_of(brief=brief) != plan(2).acts_of(brief=brief)


def test_each_act_takes_place_and_those_that_take_long_one_after_the_other() -> None:
    brief, long = (plan().acts_of(brief=which) for which in (True, False))
    assert Counter(act for _, act in (*brief, *long)) == Counter(ACTS)
    assert {act for _, act in brief} == set(BRIEF)
    times = [at for at, _ in long]
    assert times == sorted(times)
    assert times[0] >= 2
    assert times[-1] <= 95

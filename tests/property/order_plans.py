"""Plans of what happens to a few orders: strategies, and one plan played to its end."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

from hypothesis import strategies as st
from property.order_play import Play
from property.order_steps import take_step
from property.plan_step import Step

_OFTEN: Final = (
    ["buy"] * 6
    + ["pay back"] * 4
    + ["dispute"] * 6
    + ["review"] * 6
    + ["adjust"] * 4
    + ["decide"] * 3
    + ["deliver"] * 4
    + ["time"] * 3
    + ["again"] * 3
)


def _long_plan(seed: int, kinds: Sequence[str] = _OFTEN) -> list[Step]:
    """A plan in which much happens: those that are drawn step by step tend to be dull."""
    rng = Random(seed)
    return [
        Step(rng.choice(kinds), rng.randrange(12), rng.randrange(12), rng.randrange(12))
        for _ in range(rng.randrange(20, 50))
    ]


def _plans(kinds: Sequence[str]) -> st.SearchStrategy[list[Step]]:
    numbers = st.integers(0, 11)
    steps = st.builds(Step, st.sampled_from(kinds), numbers, numbers, numbers)
    long = st.integers(0, 2**32).map(lambda seed: _long_plan(seed, kinds))
    return st.lists(steps, min_size=3, max_size=25) | long


plans = _plans(_OFTEN)
_OF_REFERRALS: Final = frozenset({"review", "adjust", "decide"})
merging_plans = _plans([kind for kind in _OFTEN if kind not in _OF_REFERRALS])
"""Plans without what is about a referral, since one of two ends."""


def played(name: str, plan: Iterable[Step]) -> Play:
    """A plan played to its end, and until all holds are over."""
    play = Play(name)
    for nth, step in enumerate(plan):
        take_step(play, step, nth)
    for _ in range(2):
        play.tick(24)
    return play

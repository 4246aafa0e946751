"""Parts of money add up, and rounding is half to even."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.money import Money, minor_places, round_half_even

CURRENCIES = st.sampled_from(["JPY", "EUR", "KWD", "CLF", "XXX", "points"])
MINOR = st.integers(min_value=-(10**12), max_value=10**12)
MONEY = st.builds(Money, MINOR, CURRENCIES)


@given(MINOR, st.integers(1, 10**9))
def test_rounding_is_that_of_decimals(numerator: int, denominator: int) -> None:
    exact = Context(prec=60).divide(Decimal(numerator), Decimal(denominator))
    assert round_half_even(numerator, denominator) == exact.quantize(Decimal(1), ROUND_HALF_EVEN)


@given(MINOR, st.integers(1, 10**9))
def test_a_rounded_fraction_is_at_most_a_half_away(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    away = abs(round_half_even(numerator, denominator) - exact)
    assert away < Fraction(1, 2) or (
        away == Fraction(1, 2) and round_half_even(numerator, denominator) % 2 == 0
    )


@given(MONEY)
def test_an_amount_survives_micros(money: Money) -> None:
    assert Money.of_micros(money.micros, money.currency) == money
    assert money.micros % 10 ** (6 - minor_places(money.currency)) == 0


@given(MONEY, st.lists(st.integers(0, 10_000), min_size=1).filter(any))
def test_parts_add_up_to_the_whole(money: Money, weights: list[int]) -> None:
    whole = sum(weights)
    ends = [sum(weights[:count]) for count in range(len(weights) + 1)]
    shares = [money.share(end, whole) for end in ends]
    parts = [after - before for before, after in pairwise(shares)]
    total = Money(0, money.currency)
    for part in parts:
        total += part
    assert total == money


@given(MONEY, st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_lies_within_the_whole(money: Money, fraction: tuple[int, int]) -> None:
    share = money.share(*fraction)
    assert abs(share.minor) <= abs(money.minor)
    assert share.minor * money.minor >= 0

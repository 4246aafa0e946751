"""Money in whole minor units."""

import pytest

from reftrail.contracts.money import (
    CurrencyMismatchError,
    Money,
    amount_text,
    is_whole,
    minor_places,
    round_half_even,
)


@pytest.mark.parametrize(
    ("currency", "places"),
    [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("XXX", 6), ("points", 0), ("HRK", 2)],
)
def test_a_currency_has_its_own_number_of_places(currency: str, places: int) -> None:
    assert minor_places(currency) == places


@pytest.mark.parametrize("currency", ["EUX", "Points", "", "eur"])
def test_an_unknown_currency_is_refused_with_what_to_do(currency: str) -> None:
    with pytest.raises(ValueError, match="give one of its codes in capital letters such as EUR"):
        minor_places(currency)


@pytest.mark.parametrize(
    ("micros", "currency", "minor"),
    [
        (100_000_000, "JPY", 100),
        (19_990_000, "EUR", 1999),
        (1_005_000, "KWD", 1005),
        (100, "CLF", 1),
        (1, "XXX", 1),
        (5_000_000, "points", 5),
        (-10_000, "EUR", -1),
    ],
)
def test_micros_and_minor_units_are_one_amount(micros: int, currency: str, minor: int) -> None:
    money = Money.of_micros(micros, currency)
    assert money == Money(minor, currency)
    assert money.micros == micros


@pytest.mark.parametrize(
    ("micros", "currency", "reason"),
    [
        (19_990_000, "JPY", "19.99 JPY is not a whole number of minor units: JPY has no decimal"),
        (
            1_005_000,
            "EUR",
            "1.005 EUR is not a whole number of minor units: EUR has 2 decimal",
        ),
        (500_000, "points", "0.5 points"),
    ],
)
def test_less_than_a_minor_unit_is_refused(micros: int, currency: str, reason: str) -> None:
    assert not is_whole(micros, currency)
    with pytest.raises(ValueError, match=reason):
        Money.of_micros(micros, currency)


def test_what_was_written_with_more_places_is_rounded_half_to_even() -> None:
    assert Money.nearest(33_333_333, "JPY") == Money(33, "JPY")
    assert Money.nearest(500_000, "JPY") == Money(0, "JPY")
    assert Money.nearest(1_015_000, "EUR") == Money(102, "EUR")
    assert Money.nearest(19_990_000, "EUR") == Money(1999, "EUR")


def test_a_third_of_a_hundred_yen_is_a_whole_number_of_yen() -> None:
    taken = Money(100, "JPY").share(1, 3)
    assert taken == Money(33, "JPY")
    assert Money(100, "JPY") - taken == Money(67, "JPY")


def test_different_currencies_are_neither_added_nor_compared() -> None:
    yen, euros = Money(100, "JPY"), Money(10_000, "EUR")
    for operation in ("__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"):
        with pytest.raises(
            CurrencyMismatchError, match=r"100 JPY and 100\.00 EUR are in different"
        ):
            getattr(yen, operation)(euros)
    assert Money(100, "JPY") != Money(100, "EUR")


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [
        (1, 2, 0),
        (3, 2, 2),
        (5, 2, 2),
        (-1, 2, 0),
        (-3, 2, -2),
        (-5, 2, -2),
        (1, -2, 0),
        (2, 3, 1),
        (-2, 3, -1),
        (7, 1, 7),
    ],
)
def test_halves_are_rounded_to_even(numerator: int, denominator: int, rounded: int) -> None:
    assert round_half_even(numerator, denominator) == rounded


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (100_000_000, "JPY", "100"),
        (5_000_000, "EUR", "5.00"),
        (19_990_000, "EUR", "19.99"),
        (1_500_000, "KWD", "1.500"),
        (1_500_000, "CLF", "1.5000"),
        (200_000_000, "points", "200"),
        (-500_000, "EUR", "-0.50"),
        (33_333_333, "JPY", "33.333333"),
        (1_500_000, "XAU", "1.50"),
        (1_500_000, "EUX", "1.50"),
        (1_500_000, None, "1.50"),
        (0, None, "0.00"),
        (0, "JPY", "0"),
        (1, "EUR", "0.000001"),
        (9_007_199_254_740_993_000_001, "EUR", "9007199254740993.000001"),
    ],
)
def test_an_amount_shows_the_places_of_its_currency(
    micros: int, currency: str | None, text: str
) -> None:
    assert amount_text(micros, currency) == text

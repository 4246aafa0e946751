"""Amounts of providers as decimals in whole minor units of their currency."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

from reftrail.connectors.deliveries import Unreadable
from reftrail.contracts.money import is_currency, minor_places

_AS_STRIPE_COUNTS: Final = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Currencies that Stripe counts otherwise than ISO 4217: https://docs.stripe.com/currencies"""


def currency_of(given: object) -> str:
    """The code of a currency in capital letters. Raises `Unreadable`."""
    if not isinstance(given, str) or not given:
        raise Unreadable("currency is missing")
    return given.upper()


def from_minor(minor: object, currency: str) -> str:
    """The amount of so many of Stripe's smallest units. Raises `Unreadable`."""
    if not isinstance(minor, int) or isinstance(minor, bool):
        raise Unreadable(f"an amount is {str(minor)[:40]!r}; expected a whole number")
    places = _AS_STRIPE_COUNTS.get(currency)
    if places is None:
        try:
            places = minor_places(currency)
        except ValueError as error:
            raise Unreadable(str(error)) from error
    return f"{Decimal(minor).scaleb(-places):f}"


def decimal(given: object) -> Decimal:
    """An amount that is a decimal in a text. Raises `Unreadable`."""
    try:
        found = Decimal(str(given)) if isinstance(given, str | int) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise Unreadable(f"an amount is {str(given)[:40]!r}; expected a decimal in a string")
    return found


def cost(given: object) -> Decimal | None:
    """A tax or shipping; None for what is no amount: the order counts without it."""
    try:
        found = decimal(given)
    except Unreadable:
        return None
    return found if found >= 0 else None


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum."""
    return sum(amounts, Decimal(0))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount in whole minor units of its currency, rounded half to even."""
    if not is_currency(currency):
        return amount
    try:
        return amount.quantize(Decimal(1).scaleb(-minor_places(currency)), ROUND_HALF_EVEN)
    except InvalidOperation:
        return amount


def written(amount: Decimal) -> str:
    """An amount as events have it."""
    return f"{amount:f}"

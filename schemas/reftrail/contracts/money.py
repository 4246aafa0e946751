"""Money in whole minor units of its currency, as every computation needs it.

Records and states carry money in micros; every amount there is a whole number of minor units of its
currency (`infra/adr/0011-money-in-minor-units.md`). Computations read it with `Money.of_micros` and
write it with `Money.micros`.
"""

from typing import Final

import msgspec
from iso4217 import Currency

from reftrail.contracts.record import Micros

MILLIONTHS: Final = 1_000_000
"""Shares are in millionths: 20 percent is 200,000."""
MOST_PLACES: Final = 6
"""Decimal places of micros; also those of a currency without minor units, such as XAU."""

# ISO 4217 drops a currency from its table when it is withdrawn. Orders that were paid in it are
# still read and decided again, so the places of those withdrawn since 2011 are repeated here.
_WITHDRAWN: Final = {
    "ANG": 2,
    "BGN": 2,
    "BYR": 0,
    "CUC": 2,
    "EEK": 2,
    "HRK": 2,
    "LTL": 2,
    "LVL": 2,
    "MRO": 2,
    "SLL": 2,
    "STD": 2,
    "VEF": 2,
    "ZMK": 2,
    "ZWL": 2,
}
_PLACES: Final[dict[str, int]] = _WITHDRAWN | {
    currency.code: MOST_PLACES if currency.exponent is None else currency.exponent
    for currency in Currency
}

_IN_MINOR_UNIT: Final[dict[str, Micros]] = {
    currency: int(10 ** (MOST_PLACES - places)) for currency, places in _PLACES.items()
}


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were added or compared."""

    def __init__(self, left: "Money", right: "Money") -> None:
        super().__init__(
            f"{left} and {right} are in different currencies; compare the currencies first, and "
            f"add up each currency by itself"
        )


class Money(msgspec.Struct, frozen=True, array_like=True):
    """An amount in whole minor units (cents of EUR, yen of JPY) of a currency or of a unit's name.

    Amounts of different currencies are unequal; to add or to order them raises
    CurrencyMismatchError.
    """

    minor: int
    currency: str

    @classmethod
    def of_micros(cls, micros: Micros, currency: str) -> "Money":
        """Convert from micros. Raises ValueError if they are no whole number of minor units."""
        minor, rest = divmod(micros, _micros_in_minor_unit(currency))
        if rest:
            given = f"{amount_text(micros, currency)} {currency}"
            raise ValueError(f"{given} is not {whole_amount(currency)}")
        return cls(minor, currency)

    @classmethod
    def nearest(cls, micros: Micros, currency: str) -> "Money":
        """Convert from micros, rounded half to even: for what was written with more places.

        Logs from before amounts were checked have such values, and so may a refund that names no
        currency.
        """
        return cls(round_half_even(micros, _micros_in_minor_unit(currency)), currency)

    @property
    def micros(self) -> Micros:
        """The amount as records carry it."""
        return self.minor * _micros_in_minor_unit(self.currency)

    def share(self, part: int, whole: int) -> "Money":
        """The part-th of whole of this amount, rounded half to even.

        Rounded shares don't add up by themselves: take each as the difference between the share of
        the parts up to it and the share of those before.
        """
        return Money(round_half_even(self.minor * part, whole), self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._minor_of(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._minor_of(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._minor_of(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._minor_of(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._minor_of(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._minor_of(other)

    def __str__(self) -> str:
        return f"{amount_text(self.micros, self.currency)} {self.currency}"

    def _minor_of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatchError(self, other)
        return other.minor


def minor_places(currency: str) -> int:
    """Decimal places of a currency's minor unit; 0 for a unit's name in lower case.

    Raises ValueError for a currency that ISO 4217 doesn't have.
    """
    places = _PLACES.get(currency)
    if places is not None:
        return places
    if currency.islower() and currency.upper() not in _PLACES:
        return 0
    raise ValueError(
        f'ISO 4217 has no currency "{currency}"; give one of its codes in capital letters such as '
        f'EUR, or the name of a unit in lower case such as "points"'
    )


def is_currency(code: str) -> bool:
    """Whether ISO 4217 has or had a currency of this code."""
    return code in _PLACES


def is_whole(micros: Micros, currency: str) -> bool:
    """Whether an amount is a whole number of minor units. Raises ValueError as `minor_places`."""
    return micros % _micros_in_minor_unit(currency) == 0


def round_half_even(numerator: int, denominator: int) -> int:
    """The nearest whole number to a fraction; of two that are equally near, the even one."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest == denominator:
        return quotient + quotient % 2
    return quotient + (2 * rest > denominator)


def amount_text(micros: Micros, currency: str | None) -> str:
    """The amount in decimals, with as many places as its currency has: 100 for JPY, 5.00 for EUR.

    Nothing is rounded away: an amount with more places is shown with all of them. Without a known
    currency at least two are shown.
    """
    places = _shown_places(currency)
    whole, rest = divmod(abs(micros), 10**MOST_PLACES)
    decimals = f"{rest:0{MOST_PLACES}}".rstrip("0").ljust(places, "0")
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def percent_text(millionths: int) -> str:
    """A share in percent, without zeros at its end: 12.5."""
    whole, rest = divmod(millionths, MILLIONTHS // 100)
    decimals = f"{rest:04}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def whole_amount(currency: str) -> str:
    """A valid amount of a currency in words, for messages."""
    places = minor_places(currency) or "no"
    return f"a whole number of minor units: {currency} has {places} decimal places"


def _shown_places(currency: str | None) -> int:
    if currency is None:
        return 2
    places = _PLACES.get(currency, 0 if currency.islower() else 2)
    return 2 if places == MOST_PLACES else places


def _micros_in_minor_unit(currency: str) -> int:
    micros = _IN_MINOR_UNIT.get(currency)
    return int(10 ** (MOST_PLACES - minor_places(currency))) if micros is None else micros
